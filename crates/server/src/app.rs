//! The state that all requests share.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use protocol::id::TransferId;
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
use crate::locks::Locks;
use crate::mail::Mailer;
use crate::mfa::Codes;
use crate::notifications::Outbound;
use crate::oauth::bearer::Bearers;
use crate::oauth::keys::SigningKeys;
use crate::objects::Objects;
use crate::oidc::Issuers;
use crate::rendezvous;
use crate::telemetry::Metrics;
use crate::tunnels::Tunnels;
use crate::webftp::FileBrowsers;
use crate::websh;
use crate::workspace::Workspaces;

/// The state that all requests share.
pub(crate) struct App {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) workspaces: Workspaces,
    /// What may not be used for now.
    pub(crate) locks: Locks,
    /// Agents that hold a connection to this node.
    pub(crate) agents: Hub,
    /// Clients that listen for events on this node.
    pub(crate) events: EventHub,
    /// Requests that wait for a command on this node.
    pub(crate) feeds: Feeds,
    /// Tunnels that are open on this node.
    pub(crate) tunnels: rendezvous::Hub<Tunnels>,
    /// Terminals that are open on this node.
    pub(crate) websh: websh::Hub,
    pub(crate) file_browsers: rendezvous::Hub<FileBrowsers>,
    /// Requests that wait for a transfer on this node.
    pub(crate) transfer_feeds: Feeds<TransferId>,
    /// Transferred content.
    pub(crate) objects: Objects,
    pub(crate) login_limiter: LoginLimiter,
    pub(crate) mailer: Mailer,
    /// Issuers that others trust, and their keys.
    pub(crate) issuers: Issuers,
    /// The way to webhooks.
    pub(crate) outbound: Outbound,
    /// Slows down requests for device codes.
    pub(crate) device_limiter: LoginLimiter,
    /// What access tokens are signed with.
    pub(crate) signing_keys: SigningKeys,
    /// Access tokens seen lately.
    pub(crate) bearers: Bearers,
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
