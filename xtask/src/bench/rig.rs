//! The system under measurement: control plane with TLS, one agent, a logged-in
//! CLI with a work session.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use programs::{
    AgentOptions, Binaries, ControlPlaneOptions, Daemon, Ready, daemon_command, dev_command,
    register_command, registered_name,
};
use tempfile::TempDir;

use super::report::Memory;
use super::times::Times;
use crate::run;

/// Name the agent asks for.
const NAME: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// A running system; dropping it stops everything, agent first.
pub(crate) struct Rig {
    agent: Daemon,
    server: Daemon,
    options: ControlPlaneOptions,
    ready: Ready,
    binaries: Binaries,
    /// Name of the measured server.
    name: String,
    folder: TempDir,
}

impl Rig {
    /// Starts it and waits until the agent is connected.
    ///
    /// # Errors
    /// When a program does not start or refuses.
    pub(crate) fn start(binaries: Binaries) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("alpacon-bench-")
            .tempdir()?;
        let mut plane = ControlPlaneOptions {
            data: folder.path().join("data"),
            listen: "127.0.0.1:0".to_owned(),
            tls: true,
            database_url: None,
            username: None,
            ready_file: folder.path().join("ready.json"),
        };
        let log = folder.path().join("server.log");
        let command = dev_command(&binaries, &plane);
        let mut server = Daemon::start("alpacon-server", command, &log)?;
        let ready = Ready::wait(&mut server, &plane.ready_file, PATIENCE)?;
        // A restart must be found where clients and agents left it.
        if let Some((_, address)) = ready.url.split_once("://") {
            address.clone_into(&mut plane.listen);
        }

        let home = folder.path().join("agent");
        fs::create_dir_all(&home)?;
        fs::create_dir_all(folder.path().join("home"))?;
        let options = AgentOptions::in_folder(NAME, &home);
        let said = run::capture(&mut register_command(&binaries, &ready, &options))?;
        let name = registered_name(&said)
            .context("the registration names no server")?
            .to_owned();
        let log = folder.path().join("agent.log");
        let agent = Daemon::start("alpamon", daemon_command(&binaries, &options), &log)?;

        let rig = Self {
            agent,
            server,
            options: plane,
            ready,
            binaries,
            name,
            folder,
        };
        rig.log_in()?;
        Ok(rig)
    }

    /// The CLI, logged in, with an active work session.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binaries.cli());
        command.args(arguments);
        command.env("HOME", self.folder.path().join("home"));
        command.env_remove("ALPACON_WORK_SESSION");
        if let Some(ca) = &self.ready.ca_file {
            command.env("SSL_CERT_FILE", ca);
        }
        command
    }

    /// Runs `line` `count` times in one process of our client library.
    ///
    /// # Errors
    /// When a run fails.
    pub(crate) fn exec_loop(&self, count: usize, line: &str) -> Result<Times> {
        let mut command = Command::new(self.binaries.folder().join("exec-loop"));
        command.arg(self.folder.path().join("home"));
        command.args([&self.name, &count.to_string(), line]);
        if let Some(ca) = &self.ready.ca_file {
            command.env("SSL_CERT_FILE", ca);
        }
        let mut times = Times::default();
        for number in run::capture(&mut command)?.lines() {
            let micros = number.parse().context("exec-loop wrote no number")?;
            times.add(Duration::from_micros(micros));
        }
        Ok(times)
    }

    /// Stops the control plane in good order, starts it again, and waits until it
    /// is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn restart_server(&mut self) -> Result<()> {
        self.server.terminate(PATIENCE);
        fs::remove_file(&self.options.ready_file)?;
        let log = self.folder.path().join("server.log");
        let command = dev_command(&self.binaries, &self.options);
        self.server = Daemon::start("alpacon-server", command, &log)?;
        Ready::wait(&mut self.server, &self.options.ready_file, PATIENCE)?;
        Ok(())
    }

    /// Name of the measured server.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// For whatever else belongs to the run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Process ids of control plane and agent.
    pub(crate) fn processes(&self) -> (u32, u32) {
        (self.server.pid(), self.agent.pid())
    }

    /// Resident memory now.
    ///
    /// # Errors
    /// When a program has ended.
    pub(crate) fn memory(&mut self) -> Result<Memory> {
        Ok(Memory {
            agent: resident(&mut self.agent)?,
            server: resident(&mut self.server)?,
        })
    }

    fn log_in(&self) -> Result<()> {
        let user = &self.ready.superuser;
        // Joined: a password may look like an option.
        let password = format!("--password={}", user.password);
        let login = ["login", &self.ready.url, "-u", &user.username, &password];
        run::capture(&mut self.cli(&login))?;
        let deadline = Instant::now() + PATIENCE;
        while !self.connected() {
            if Instant::now() >= deadline {
                bail!("the agent did not connect within {PATIENCE:?}");
            }
            std::thread::sleep(POLL);
        }
        let session = [
            "work-session",
            "create",
            "--purpose",
            "Measure",
            "--scope",
            "command,tunnel,webftp",
            "--server",
            &self.name,
            "--expires-in",
            "12h",
            "--use",
        ];
        run::capture(&mut self.cli(&session)).map(drop)
    }

    fn connected(&self) -> bool {
        run::capture(&mut self.cli(&["server", "describe", &self.name, "--output", "json"]))
            .ok()
            .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
            .is_some_and(|server| server.get("is_connected") == Some(&true.into()))
    }
}

/// Resident set of a program in MiB.
fn resident(daemon: &mut Daemon) -> Result<f64> {
    let path = format!("/proc/{}/status", daemon.pid());
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<f64>().ok())
        .map(|kib| kib / 1024.0)
        .with_context(|| format!("{path} names no resident memory"))
}
