//! A real agent on this machine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use programs::{AgentOptions, Binaries, Daemon, Ready, daemon_command, register_command};

use crate::{OrFail, patience};

/// A registered agent. It is stopped when this value is dropped.
#[derive(Debug)]
pub struct Agent {
    name: String,
    id: String,
    binaries: Binaries,
    options: AgentOptions,
    log: PathBuf,
    /// What starts the daemon; empty: nothing in between.
    launcher: Vec<String>,
    daemon: Mutex<Option<Daemon>>,
}

impl Agent {
    /// Registers and starts an agent that keeps everything in `folder`.
    #[track_caller]
    pub(crate) fn start(
        binaries: &Binaries,
        ready: &Ready,
        name: &str,
        folder: &Path,
        launcher: &[String],
    ) -> Self {
        std::fs::create_dir_all(folder).or_fail("make the agent's folder");
        let options = AgentOptions::in_folder(name, folder);
        let output = register_command(binaries, ready, &options)
            .output()
            .or_fail("run alpamon register");
        assert!(
            output.status.success(),
            "alpamon register: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let agent = Self {
            name: name.to_owned(),
            id: id_in(&options.config),
            binaries: binaries.clone(),
            log: folder.join("agent.log"),
            options,
            launcher: launcher.to_vec(),
            daemon: Mutex::new(None),
        };
        agent.restart();
        agent
    }

    /// Name of its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of its server.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it logs.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Kills the process; what it started lives on, as after a real crash.
    pub fn kill(&self) {
        if let Some(mut daemon) = self.lock().take() {
            daemon.kill();
        }
    }

    /// Stops it in good order and fails the test when it does not stop.
    #[track_caller]
    pub fn stop(&self) {
        if let Some(mut daemon) = self.lock().take() {
            let status = daemon.terminate(patience());
            assert!(
                status.is_some_and(|status| status.code() == Some(0)),
                "the agent ended with {status:?}"
            );
        }
    }

    /// Starts it (again). It connects in its own time.
    #[track_caller]
    pub fn restart(&self) {
        let mut slot = self.lock();
        assert!(
            slot.as_mut().is_none_or(|daemon| daemon.ended().is_some()),
            "the agent runs already"
        );
        let command = self.under_launcher(daemon_command(&self.binaries, &self.options));
        *slot = Some(Daemon::start("alpamon", command, &self.log).or_fail("start the agent"));
    }

    fn under_launcher(&self, daemon: Command) -> Command {
        let Some((first, rest)) = self.launcher.split_first() else {
            return daemon;
        };
        let mut command = Command::new(first);
        command
            .args(rest)
            .arg(daemon.get_program())
            .args(daemon.get_args());
        command
    }

    /// Stops the process without ending it: connected, but silent.
    pub fn freeze(&self) {
        if let Some(daemon) = self.lock().as_mut() {
            daemon.freeze();
        }
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        if let Some(daemon) = self.lock().as_mut() {
            daemon.thaw();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Daemon>> {
        self.daemon.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server id that the registration wrote.
#[track_caller]
fn id_in(config: &Path) -> String {
    let text = std::fs::read_to_string(config).or_fail("read the agent's configuration");
    text.lines()
        .find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == "id").then(|| value.trim().trim_matches('"').to_owned())
        })
        .or_fail("find the id in the agent's configuration")
}
