//! The state that all requests share.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use store::Store;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agents::Hub;
use crate::commands::Feeds;
use crate::config::Config;
use crate::crypto::keys::Keys;
use crate::events::EventHub;
use crate::http::middleware::LoginLimiter;
use crate::identity::guesses::Guesses;
use crate::mfa::Codes;
use crate::telemetry::Metrics;
use crate::workspace::Workspaces;

/// The state that all requests share.
pub(crate) struct App {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) workspaces: Workspaces,
    /// Agents that hold a connection to this node.
    pub(crate) agents: Hub,
    /// Clients that listen for events on this node.
    pub(crate) events: EventHub,
    /// Requests that wait for a command on this node.
    pub(crate) feeds: Feeds,
    pub(crate) login_limiter: LoginLimiter,
    /// Wrong passwords for each account.
    pub(crate) guesses: Guesses,
    /// Wrong codes of second factors for each account.
    pub(crate) codes: Codes,
    pub(crate) metrics: Metrics,
    /// Everything that runs beside requests; waited for at shutdown.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the server drains.
    pub(crate) shutdown: CancellationToken,
}

/// How handlers hold it.
pub(crate) type SharedApp = Arc<App>;

impl App {
    /// Runs `work` beside the requests, tracked, until it ends or the server drains.
    pub(crate) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = work => {}
            }
        });
    }
}
