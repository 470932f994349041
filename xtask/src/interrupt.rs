//! Ctrl-C, SIGTERM and SIGHUP as a value to wait for.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result};

/// Receives a message when we are asked to end.
pub(crate) struct Interrupt {
    asked: Receiver<()>,
}

impl Interrupt {
    /// From now on the signals no longer end the process. Only once per process.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn catch() -> Result<Self> {
        let (ask, asked) = sync_channel(1);
        ctrlc::set_handler(move || {
            // Full: we have been asked already.
            let _full = ask.try_send(());
        })
        .context("cannot catch Ctrl-C")?;
        Ok(Self { asked })
    }

    /// Waits for at most `patience`; true when we were asked to end.
    pub(crate) fn within(&self, patience: Duration) -> bool {
        self.asked.recv_timeout(patience) != Err(RecvTimeoutError::Timeout)
    }
}
