//! A private PostgreSQL cluster that lives as long as the test run.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use programs::Daemon;
use tempfile::TempDir;

use crate::{packages, run};

/// For the first start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SUPERUSER: &str = "alpacon";

/// A running cluster; dropping it stops the server and removes its folder.
pub(crate) struct Cluster {
    // Order matters: the server stops before its folder goes.
    _server: Daemon,
    _folder: TempDir,
    url: String,
}

impl Cluster {
    /// Makes and starts a cluster on a free port of the loopback interface, with
    /// a password of its own. Speed over durability: it is thrown away.
    ///
    /// # Errors
    /// When PostgreSQL is missing or does not start.
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("alpacon-postgres-")
            .tempdir()?;
        let owner = Owner::find()?;
        let data = folder.path().join("data");
        let password = password()?;
        let password_file = folder.path().join("password");
        fs::write(&password_file, &password)?;
        owner.give(folder.path())?;
        owner.give(&password_file)?;

        let initdb = packages::find("initdb").context("initdb is not installed")?;
        run::capture(
            owner
                .command(&initdb)
                .arg("--pgdata")
                .arg(&data)
                .args(["--username", SUPERUSER, "--auth=scram-sha-256"])
                .args(["--encoding=UTF8", "--no-locale", "--no-sync"])
                .arg("--pwfile")
                .arg(&password_file)
                .current_dir(folder.path()),
        )?;

        let port = free_port()?;
        let postgres = packages::find("postgres").context("postgres is not installed")?;
        let mut command = owner.command(&postgres);
        command.arg("-D").arg(&data).arg("-k").arg(folder.path());
        command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        for setting in [
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=500",
        ] {
            command.args(["-c", setting]);
        }
        command.current_dir(folder.path());
        let log = folder.path().join("postgres.log");
        let mut server = Daemon::start("postgres", command, &log)?;
        server.wait_until(PATIENCE, || {
            let text = fs::read_to_string(&log).ok()?;
            text.contains("database system is ready to accept connections")
                .then_some(())
        })?;
        Ok(Self {
            _server: server,
            _folder: folder,
            url: format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"),
        })
    }

    /// URL of its maintenance database; its user may create databases.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// PostgreSQL refuses to run as root, so root lends it to another account.
struct Owner {
    other: Option<(u32, u32)>,
}

impl Owner {
    fn find() -> Result<Self> {
        if id(&["-u"])? != 0 {
            return Ok(Self { other: None });
        }
        let account = if id(&["-u", "postgres"]).is_ok() {
            "postgres"
        } else {
            "nobody"
        };
        Ok(Self {
            other: Some((id(&["-u", account])?, id(&["-g", account])?)),
        })
    }

    fn give(&self, path: &std::path::Path) -> Result<()> {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        if let Some((user, group)) = self.other {
            chown(path, Some(user), Some(group))
                .with_context(|| format!("cannot give {} away", path.display()))?;
        }
        Ok(())
    }

    fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command.stdin(Stdio::null());
        command
    }
}

fn id(arguments: &[&str]) -> Result<u32> {
    let text = run::capture(Command::new("id").args(arguments))?;
    text.trim().parse().context("`id` wrote no number")
}

/// Free now; the server takes it at once.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn password() -> Result<String> {
    use std::io::Read;
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
