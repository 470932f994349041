//! A throw-away OpenSSH server on the loopback interface, as the current user.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use programs::Daemon;

use crate::{packages, run};

const PATIENCE: Duration = Duration::from_secs(20);
/// The cipher that our TLS uses, in the words of OpenSSH.
const CIPHER: &str = "aes256-gcm@openssh.com";

/// A running server and the client configuration for it.
pub(crate) struct Sshd {
    _server: Daemon,
    config: PathBuf,
    socket: PathBuf,
}

impl Sshd {
    /// Name of the host in our client configuration.
    pub(crate) const HOST: &str = "bench";

    /// Makes keys and configurations below `folder` and starts the server.
    ///
    /// # Errors
    /// When OpenSSH is missing or does not start.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let folder = folder.join("ssh");
        fs::create_dir_all(&folder)?;
        let host_key = new_key(&folder.join("host_key"))?;
        let user_key = new_key(&folder.join("user_key"))?;
        fs::copy(
            user_key.with_extension("pub"),
            folder.join("authorized_keys"),
        )?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let public = fs::read_to_string(host_key.with_extension("pub"))?;
        fs::write(
            folder.join("known_hosts"),
            format!("[127.0.0.1]:{port} {public}"),
        )?;
        let at = folder.display();
        // `SetEnv HOME`: what the account's own start-up files do is not ssh's time.
        fs::write(
            folder.join("sshd_config"),
            format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {at}/host_key\n\
                 AuthorizedKeysFile {at}/authorized_keys\nPidFile none\nStrictModes no\n\
                 UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
                 PermitRootLogin prohibit-password\nUseDNS no\nPrintMotd no\n\
                 PrintLastLog no\nSetEnv HOME={at}\nSubsystem sftp internal-sftp\n\
                 MaxStartups 400\nMaxSessions 400\n"
            ),
        )?;
        let config = folder.join("ssh_config");
        fs::write(
            &config,
            format!(
                "Host {}\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {at}/user_key\n  \
                 IdentitiesOnly yes\n  UserKnownHostsFile {at}/known_hosts\n  \
                 StrictHostKeyChecking yes\n  LogLevel ERROR\n  BatchMode yes\n",
                Self::HOST
            ),
        )?;
        // Where a root sshd insists on a folder to lock itself into; it survives
        // a reboot nowhere, so an installed but never started server lacks it.
        if run::capture(Command::new("id").arg("-u"))?.trim() == "0" {
            fs::create_dir_all("/run/sshd")?;
        }

        let program = packages::find("sshd").context("sshd is not installed")?;
        let mut command = Command::new(program);
        command
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"));
        let mut server = Daemon::start("sshd", command, &folder.join("sshd.log"))?;
        server.wait_until(PATIENCE, || TcpStream::connect(("127.0.0.1", port)).ok())?;
        Ok(Self {
            _server: server,
            config,
            socket: folder.join("master"),
        })
    }

    /// `ssh` over a new connection.
    pub(crate) fn fresh(&self, remote: &[&str]) -> Command {
        let mut command = self.client();
        command
            .args(["-o", "ControlPath=none", Self::HOST])
            .args(remote);
        command
    }

    /// `ssh` over the connection of [`Self::open_master`].
    pub(crate) fn over_master(&self, remote: &[&str]) -> Command {
        let mut command = self.client();
        command
            .arg("-S")
            .arg(&self.socket)
            .arg(Self::HOST)
            .args(remote);
        command
    }

    /// `ssh` that forwards a local port.
    pub(crate) fn forward(&self, local: u16, remote: u16) -> Command {
        let mut command = self.client();
        command.args([
            "-o",
            "ControlPath=none",
            "-o",
            "ExitOnForwardFailure=yes",
            "-N",
            "-L",
        ]);
        command.arg(format!("127.0.0.1:{local}:127.0.0.1:{remote}"));
        command.arg(Self::HOST);
        command
    }

    /// `scp`; one side names [`Self::HOST`].
    pub(crate) fn scp(&self, recursive: bool, from: &str, to: &str) -> Command {
        let mut command = Command::new("scp");
        command
            .arg("-F")
            .arg(&self.config)
            .args(["-q", "-c", CIPHER]);
        if recursive {
            command.arg("-r");
        }
        command.args([from, to]);
        command
    }

    /// `sftp` that copies one file.
    ///
    /// # Errors
    /// When its batch cannot be written.
    pub(crate) fn sftp(&self, up: bool, from: &str, to: &str) -> Result<Command> {
        let batch = self.config.with_file_name("sftp_batch");
        let verb = if up { "put" } else { "get" };
        fs::write(&batch, format!("{verb} {from} {to}\n"))?;
        let mut command = Command::new("sftp");
        command
            .arg("-F")
            .arg(&self.config)
            .args(["-q", "-c", CIPHER]);
        command.arg("-b").arg(batch).arg(Self::HOST);
        Ok(command)
    }

    /// Opens a connection that stays.
    ///
    /// # Errors
    /// When the login fails.
    pub(crate) fn open_master(&self) -> Result<()> {
        let mut command = self.client();
        command.args(["-M", "-N", "-f", "-S"]).arg(&self.socket);
        run::inherit(command.arg(Self::HOST))
    }

    /// Closes it.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn close_master(&self) -> Result<()> {
        let mut command = self.client();
        command.args(["-q", "-O", "exit", "-S"]).arg(&self.socket);
        run::inherit(command.arg(Self::HOST))
    }

    fn client(&self) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(&self.config);
        command
    }
}

fn new_key(path: &Path) -> Result<PathBuf> {
    if !path.exists() {
        run::capture(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(path),
        )?;
    }
    Ok(path.to_owned())
}
