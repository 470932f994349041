//! A machine with an agent: its folder, its registration and its process.

use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};

use tokio::process::{Child, Command};

use crate::control_plane::ControlPlane;

pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_alpamon");

pub(crate) struct Host {
    folder: tempfile::TempDir,
}

pub(crate) struct Agent {
    process: Child,
}

impl Host {
    /// A machine without a registration.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A machine registered at `plane`.
    pub(crate) async fn registered(plane: &ControlPlane) -> Self {
        let host = Self::new();
        let output = host.register(&plane.url, &[]).await;
        assert!(output.status.success(), "{output:?}");
        host
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("etc/alpamon.conf")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Files in the spool.
    pub(crate) fn spooled(&self) -> usize {
        std::fs::read_dir(self.state().join("spool")).map_or(0, Iterator::count)
    }

    pub(crate) async fn register(&self, url: &str, more: &[&str]) -> Output {
        let mut command = self.command();
        command.args(["register", "--url", url, "--token", "registration-token"]);
        command.args(["--name", "test host", "--platform", "debian"]);
        command
            .args(["--no-service", "--no-cloud-probe"])
            .args(more);
        command.output().await.unwrap()
    }

    /// Starts the daemon.
    pub(crate) fn start(&self) -> Agent {
        let process = self
            .command()
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Agent { process }
    }

    /// The agent on the command line of this machine.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(AGENT);
        command
            .arg("--config")
            .arg(self.config())
            .arg("--state-dir")
            .arg(self.state())
            .arg("--run-dir")
            .arg(self.folder.path().join("run"))
            .env("SECRET_OF_THE_SERVICE", "leaked")
            .stdin(Stdio::null());
        command
    }
}

impl Agent {
    /// As a crash would end it.
    pub(crate) async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// As a service manager would end it.
    pub(crate) async fn terminate(self) -> ExitStatus {
        let id = self.process.id().unwrap().try_into().unwrap();
        let pid = nix::unistd::Pid::from_raw(id);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.ended().await
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        self.process.wait().await.unwrap()
    }
}

/// A registered machine whose agent is connected.
pub(crate) async fn online(plane: &ControlPlane) -> (Host, Agent) {
    let host = Host::registered(plane).await;
    let agent = host.start();
    plane.connection(1).await;
    (host, agent)
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
