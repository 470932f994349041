//! The running programs and the folder they live in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use programs::{
    AgentOptions, Binaries, ControlPlaneOptions, Daemon, Ready, daemon_command, dev_command,
    register_command, registered_name,
};
use tempfile::TempDir;

use super::Arguments;
use crate::run;
use crate::screen;

/// For the first start, which makes keys and hashes a password.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// Everything the walk acts on. Dropping it stops the programs, agent first.
pub(crate) struct Stage {
    /// The programs.
    pub(crate) binaries: Binaries,
    agent: Option<Daemon>,
    server: Option<Daemon>,
    /// Access to the control plane, once it runs.
    ready: Option<Ready>,
    folder: Folder,
    tls: bool,
}

enum Folder {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Stage {
    /// Prepares the folder; nothing runs yet.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn new(binaries: Binaries, arguments: &Arguments) -> Result<Self> {
        let folder = match &arguments.keep {
            Some(path) => {
                fs::create_dir_all(path)
                    .with_context(|| format!("cannot make {}", path.display()))?;
                Folder::Kept(fs::canonicalize(path)?)
            }
            None => Folder::Temporary(
                tempfile::Builder::new()
                    .prefix("alpacon-quickstart-")
                    .tempdir()?,
            ),
        };
        let stage = Self {
            binaries,
            agent: None,
            server: None,
            ready: None,
            folder,
            tls: !arguments.no_tls,
        };
        fs::create_dir_all(stage.home())?;
        fs::create_dir_all(stage.folder().join("agent"))?;
        Ok(stage)
    }

    /// Starts the control plane and waits until it accepts requests.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn start_server(&mut self) -> Result<()> {
        let options = ControlPlaneOptions {
            data: self.data(),
            listen: "127.0.0.1:0".to_owned(),
            tls: self.tls,
            database_url: None,
            username: None,
            ready_file: self.folder().join("ready.json"),
        };
        if options.ready_file.exists() {
            fs::remove_file(&options.ready_file)?;
        }
        screen::command(&format!("cd {}", self.folder().display()));
        let command = dev_command(&self.binaries, &options);
        screen::command(&format!("{} &", self.shown(&command)));
        let log = self.folder().join("server.log");
        let mut server = Daemon::start("alpacon-server", command, &log)?;
        let ready = Ready::wait(&mut server, &options.ready_file, START_PATIENCE)?;
        self.server = Some(server);
        self.ready = Some(ready);
        Ok(())
    }

    /// Registers the agent, unless an earlier run did, starts it, and gives the name
    /// of its server.
    ///
    /// # Errors
    /// When the registration is refused or the agent cannot be started.
    pub(crate) fn start_agent(&mut self, name: &str) -> Result<String> {
        let options = AgentOptions::in_folder(name, &self.folder().join("agent"));
        let name_file = self.folder().join("agent/name");
        let name = if options.config.exists() {
            fs::read_to_string(&name_file)
                .with_context(|| format!("cannot read {}", name_file.display()))?
        } else {
            let mut command = register_command(&self.binaries, self.ready()?, &options);
            screen::command(&self.shown(&command));
            let output = command
                .env_remove("HOME")
                .output()
                .context("cannot run alpamon")?;
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            screen::output(&self.relative(&text));
            if !output.status.success() {
                bail!("the registration failed ({})", output.status);
            }
            let name = registered_name(&text).context("the registration names no server")?;
            fs::write(&name_file, name)?;
            name.to_owned()
        };
        let command = daemon_command(&self.binaries, &options);
        screen::command(&format!("{} &", self.shown(&command)));
        let log = self.folder().join("agent.log");
        self.agent = Some(Daemon::start("alpamon", command, &log)?);
        Ok(name)
    }

    /// The command as the reader would type it in the folder.
    pub(crate) fn shown(&self, command: &Command) -> String {
        self.relative(&run::display(command))
    }

    /// The CLI with the environment that the reader was shown.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binaries.cli());
        command.args(arguments).env("HOME", self.home());
        // A session or setting of the reader's own shell would change the walk.
        for name in ["ALPACON_WORK_SESSION", "ALPACON_EXEC_TIMEOUT"] {
            command.env_remove(name);
        }
        if let Some(ca) = self.ready.as_ref().and_then(|ready| ready.ca_file.as_ref()) {
            command.env("SSL_CERT_FILE", ca);
        }
        command
    }

    /// Access to the control plane.
    ///
    /// # Errors
    /// Before [`Self::start_server`].
    pub(crate) fn ready(&self) -> Result<&Ready> {
        self.ready
            .as_ref()
            .context("the control plane does not run")
    }

    /// The `export` line a reader needs for the CLI, in the folder.
    pub(crate) fn environment(&self) -> String {
        let mut line = "export HOME=$PWD/home".to_owned();
        if let Some(ca) = self.ready.as_ref().and_then(|ready| ready.ca_file.as_ref()) {
            let ca = self.relative(&ca.display().to_string());
            line.push_str(&format!(" SSL_CERT_FILE=$PWD/{ca}"));
        }
        line
    }

    /// The data folder of the control plane.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// What a reader needs to go on alone.
    pub(crate) fn show_access(&self) {
        let Some(ready) = &self.ready else { return };
        let lines = [
            ("Control plane", ready.url.clone()),
            ("User", ready.superuser.username.clone()),
            ("Password", ready.superuser.password.clone()),
            ("API token", ready.api_token.clone()),
            ("Data and logs", self.folder().display().to_string()),
        ];
        screen::heading("Everything is running. Ctrl-C stops it.");
        for (label, value) in lines {
            screen::say(&format!("  {label:<14} {value}"));
        }
        screen::say("\nGo on in another terminal:");
        screen::command(&format!("cd {}", self.folder().display()));
        screen::command(&self.environment());
        screen::command(&format!(
            "export PATH={}:$PATH",
            self.binaries.folder().display()
        ));
        screen::command("alpacon --help");
    }

    /// Says which program ended, if one did.
    pub(crate) fn anything_ended(&mut self) -> Option<String> {
        for (name, daemon) in [
            ("alpacon-server", &mut self.server),
            ("alpamon", &mut self.agent),
        ] {
            let Some(daemon) = daemon else { continue };
            if let Some(status) = daemon.ended() {
                return Some(format!(
                    "{name} ended ({status}); its log ends with:\n{}",
                    daemon.log_tail()
                ));
            }
        }
        None
    }

    /// Keeps the folder after a failure and names the logs.
    pub(crate) fn keep_evidence(&mut self) {
        let path = self.folder().to_owned();
        if let Folder::Temporary(folder) =
            std::mem::replace(&mut self.folder, Folder::Kept(path.clone()))
        {
            let _kept = folder.keep();
        }
        for log in ["server.log", "agent.log"] {
            let log = path.join(log);
            if log.exists() {
                eprintln!("Log kept: {}", log.display());
            }
        }
    }

    fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Kept(path) => path,
            Folder::Temporary(folder) => folder.path(),
        }
    }

    /// `text` with paths in the folder relative to it.
    fn relative(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder().display()), "")
    }

    fn home(&self) -> PathBuf {
        self.folder().join("home")
    }
}
