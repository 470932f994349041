//! Why a transfer failed.

use crate::Error;
use crate::files::{FileError, shown};

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The control plane refused, or could not be asked.
    #[error(transparent)]
    Api(#[from] Error),
    /// Something on this machine.
    #[error(transparent)]
    File(#[from] FileError),
    /// The host could not do its part; in its words.
    #[error("{0}")]
    Host(String),
    /// The store did not take or give the content.
    #[error("{0}")]
    Store(String),
    /// What arrived is not what was sent.
    #[error("the content was changed on its way ({0}); nothing was replaced")]
    Integrity(String),
    /// No end in sight.
    #[error("no word about the transfer for {0} s; it may still go on")]
    Silence(u64),
    /// Some of several files.
    #[error("{} of {total} could not be copied\n{}", .failed.len(), lines(.failed))]
    Several {
        /// Which, and why.
        failed: Vec<Failed>,
        /// How many there were.
        total: usize,
    },
}

/// One of several files.
#[derive(Debug)]
pub struct Failed {
    /// Its name.
    pub name: String,
    /// Why.
    pub error: TransferError,
}

fn lines(failed: &[Failed]) -> String {
    let lines: Vec<String> = failed
        .iter()
        .map(|one| format!("  {}: {}", shown(one.name.as_ref()), one.error))
        .collect();
    lines.join("\n")
}

impl TransferError {
    /// The server's machine code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.code(),
            _ => None,
        }
    }
}
