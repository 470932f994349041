//! The control plane in its embedded form, `alpacon-server dev`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::{Binaries, Daemon, ProgramError};

/// How to start `alpacon-server dev`.
#[derive(Clone, Debug)]
pub struct ControlPlaneOptions {
    /// Its data folder.
    pub data: PathBuf,
    /// Address and port; port 0 picks a free one.
    pub listen: String,
    /// With a certificate of a CA made for it.
    pub tls: bool,
    /// `None`: SQLite in the data folder.
    pub database_url: Option<String>,
    /// Name of the superuser; `None`: the name of the user who runs it.
    pub username: Option<String>,
    /// Written by the server when it accepts requests.
    pub ready_file: PathBuf,
}

/// The command line of `alpacon-server dev`.
#[must_use]
pub fn dev_command(binaries: &Binaries, options: &ControlPlaneOptions) -> Command {
    let mut command = Command::new(binaries.server());
    command.arg("dev").arg("--data").arg(&options.data);
    command.args(["--listen", &options.listen]);
    if options.tls {
        command.arg("--tls");
    }
    if let Some(url) = &options.database_url {
        command.args(["--database-url", url]);
    }
    if let Some(username) = &options.username {
        command.args(["--username", username]);
    }
    command.arg("--ready-file").arg(&options.ready_file);
    command
}

/// The command line that checks the audit chain of a data folder.
#[must_use]
pub fn verify_audit_command(binaries: &Binaries, data: &Path) -> Command {
    let mut command = Command::new(binaries.server());
    command.args(["audit", "verify", "--data"]).arg(data);
    command
}

/// What `alpacon-server dev` says once it accepts requests.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Base URL.
    pub url: String,
    /// The CA to trust, with TLS.
    pub ca_file: Option<PathBuf>,
    /// Name of the workspace.
    pub workspace: String,
    /// The account made at the first start.
    pub superuser: Superuser,
    /// A personal token of the superuser with all scopes and full access lists.
    pub api_token: String,
    /// Serves several agents.
    pub registration_token: String,
}

/// The account made at the first start.
#[derive(Clone, Debug, Deserialize)]
pub struct Superuser {
    /// Account name, also used on hosts.
    pub username: String,
    /// Its password.
    pub password: String,
}

impl Ready {
    /// Waits for the ready file of a control plane that was just started. A file
    /// left by an earlier start must have been removed before.
    ///
    /// # Errors
    /// When the server ends, is not ready within `patience`, or writes a file
    /// that breaks the contract.
    pub fn wait(
        daemon: &mut Daemon,
        ready_file: &Path,
        patience: Duration,
    ) -> Result<Self, ProgramError> {
        let text = daemon.wait_until(patience, || std::fs::read_to_string(ready_file).ok())?;
        serde_json::from_str(&text).map_err(|error| ProgramError::ReadyFile {
            path: ready_file.to_owned(),
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Ready;

    #[test]
    fn a_ready_file_without_tls_has_no_ca() {
        let ready: Ready = serde_json::from_str(
            r#"{"url":"http://127.0.0.1:1","ca_file":null,"workspace":"main",
                "superuser":{"username":"ann","password":"p"},
                "api_token":"alpat-x","registration_token":"r"}"#,
        )
        .unwrap();
        assert_eq!(ready.ca_file, None);
        assert_eq!(ready.superuser.username, "ann");
    }
}
