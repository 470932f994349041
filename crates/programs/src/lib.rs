//! The three programs as child processes: where their binaries are, how they
//! are started, when they are ready, where they log, and how they end.
//!
//! `xtask` and `testkit` both drive the real binaries. What they know about
//! command lines and files of the programs is written here once.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod agent;
mod binaries;
mod control_plane;
mod daemon;

use std::path::PathBuf;
use std::time::Duration;

pub use agent::{AgentOptions, daemon_command, register_command, registered_name};
pub use binaries::Binaries;
pub use control_plane::{ControlPlaneOptions, Ready, Superuser, dev_command, verify_audit_command};
pub use daemon::Daemon;

/// Why a program could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It has not been built.
    #[error("{0} does not exist; build it with `cargo build --workspace --bins`")]
    NotBuilt(PathBuf),
    /// The operating system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// It ended before it was ready.
    #[error("{name} ended early ({status}); its log {log} ends with:\n{tail}")]
    Ended {
        /// Which program.
        name: String,
        /// How it ended.
        status: String,
        /// Where it logs.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// It was not ready in time.
    #[error("{name} was not ready within {patience:?}; its log {log} ends with:\n{tail}")]
    NotReady {
        /// Which program.
        name: String,
        /// How long we waited.
        patience: Duration,
        /// Where it logs.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// The ready file is not what the contract says.
    #[error("cannot read the ready file {path}: {reason}")]
    ReadyFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl ProgramError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
