//! The agent: registration and the daemon.

use std::path::PathBuf;
use std::process::Command;

use crate::{Binaries, Ready};

/// Where an agent keeps what.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// Name of the server it registers.
    pub name: String,
    /// Its configuration, written by the registration.
    pub config: PathBuf,
    /// Its spool.
    pub state: PathBuf,
    /// Its sockets and PID file.
    pub run: PathBuf,
}

impl AgentOptions {
    /// An agent named `name` that keeps everything in `folder`.
    #[must_use]
    pub fn in_folder(name: &str, folder: &std::path::Path) -> Self {
        Self {
            name: name.to_owned(),
            config: folder.join("alpamon.conf"),
            state: folder.join("state"),
            run: folder.join("run"),
        }
    }
}

/// The command line of a registration with the control plane behind `ready`.
#[must_use]
pub fn register_command(binaries: &Binaries, ready: &Ready, options: &AgentOptions) -> Command {
    let mut command = Command::new(binaries.agent());
    command.arg("register").args(["--url", &ready.url]);
    command.args(["--token", &ready.registration_token]);
    command.args(["--name", &options.name, "--no-service"]);
    places(&mut command, options);
    if let Some(ca) = &ready.ca_file {
        command.arg("--ca-cert").arg(ca);
    }
    command
}

/// The name a registration ended with, from what it printed: the control plane
/// may add to the name that was asked for.
#[must_use]
pub fn registered_name(output: &str) -> Option<&str> {
    output
        .lines()
        .find_map(|line| line.trim().strip_prefix("Registered as "))
        .and_then(|rest| rest.split_whitespace().next())
}

/// The command line of the daemon.
#[must_use]
pub fn daemon_command(binaries: &Binaries, options: &AgentOptions) -> Command {
    let mut command = Command::new(binaries.agent());
    places(&mut command, options);
    command
}

/// Without these an agent keeps its files where a system service would.
fn places(command: &mut Command, options: &AgentOptions) {
    command.arg("--config").arg(&options.config);
    command.arg("--state-dir").arg(&options.state);
    command.arg("--run-dir").arg(&options.run);
}

#[cfg(test)]
mod tests {
    use super::registered_name;

    #[test]
    fn the_final_name_is_read() {
        let output = "Registered as web-1-0a1b2c (01a2106d).\nConfiguration: /x\n";
        assert_eq!(registered_name(output), Some("web-1-0a1b2c"));
        assert_eq!(registered_name("refused"), None);
    }
}
