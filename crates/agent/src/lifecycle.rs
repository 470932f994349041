//! How the daemon ends, decided once.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Somebody on this machine ended it, status 0; it may come back.
    Stop,
    /// The server has no more use for it, status 0.
    Retire,
    /// The same program takes over the process.
    Restart,
    /// Nobody could be reached for days, status 1.
    GaveUp,
}

/// Shared by everything that can end the daemon, or must end with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lifecycle {
    exit: Arc<OnceLock<Exit>>,
    shutdown: CancellationToken,
}

impl Lifecycle {
    /// Ends the daemon. The first call decides how; more change nothing.
    pub(crate) fn end(&self, exit: Exit) {
        let _first = self.exit.set(exit);
        self.shutdown.cancel();
    }

    /// Fires when the daemon ends.
    #[must_use]
    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// How it ends.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        self.exit.get().copied().unwrap_or(Exit::Stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_decides() {
        let lifecycle = Lifecycle::default();
        assert!(!lifecycle.shutdown().is_cancelled());
        lifecycle.end(Exit::Restart);
        lifecycle.end(Exit::Stop);
        assert_eq!(lifecycle.exit(), Exit::Restart);
        assert!(lifecycle.shutdown().is_cancelled());
    }
}
