//! What may end a command from outside.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::lifecycle::Lifecycle;

/// Why a command was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    /// It ran too long.
    TimedOut,
    /// The work session that allowed it ended.
    AuthorityEnded,
    /// The control plane said so.
    Cancelled,
    /// The agent stops.
    AgentStopping,
}

/// Everything that may end one command.
#[derive(Clone, Debug)]
pub(crate) struct StopSignals {
    /// The control plane's `cancel`.
    pub(crate) cancel: CancellationToken,
    /// The agent's own end.
    pub(crate) lifecycle: Lifecycle,
    /// By the monotonic clock, so that setting the clock changes nothing.
    pub(crate) authority_ends: Option<Instant>,
    /// The command's own limit.
    pub(crate) deadline: Option<Instant>,
}

impl StopSignals {
    /// The same with a deadline at most `limit` away.
    #[must_use]
    pub(crate) fn with_timeout(&self, limit: Duration) -> Self {
        let limit = Instant::now() + limit;
        Self {
            deadline: Some(self.deadline.map_or(limit, |deadline| deadline.min(limit))),
            ..self.clone()
        }
    }

    /// Waits for the first of them.
    pub(crate) async fn wait(&self) -> Stop {
        tokio::select! {
            () = self.cancel.cancelled() => Stop::Cancelled,
            () = self.lifecycle.shutdown().cancelled() => Stop::AgentStopping,
            () = until(self.authority_ends) => Stop::AuthorityEnded,
            () = until(self.deadline) => Stop::TimedOut,
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}
