//! The agents that hold a backhaul to this node.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use chrono::{DateTime, Utc};
use protocol::id::{ServerId, WorkspaceId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Orders that may wait for one agent's socket. Beyond that the sender is told.
const QUEUE: usize = 256;
/// Two hosts with the same credential evict each other without end; more
/// replacements than this within [`REPLACEMENT_WINDOW`] are refused.
const MAX_REPLACEMENTS: usize = 5;
const REPLACEMENT_WINDOW: Duration = Duration::from_secs(60);
/// Messages that may wait for a control socket.
const CONTROL_QUEUE: usize = 64;
/// Agents give up on a decision after this.
const CONTROL_WAIT: Duration = Duration::from_secs(30);

/// One agent's backhaul.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    number: u64,
    pub(crate) workspace: WorkspaceId,
    pub(crate) server: ServerId,
    pub(crate) since: DateTime<Utc>,
    /// Our address for WebSockets, as this agent reaches us. What an agent is told to
    /// connect to is built on this, never on what somebody else's request says.
    pub(crate) websocket_base: String,
    /// The agent's value for this connection, when it verifies signed orders.
    pub(crate) channel: Option<String>,
    /// Whether the agent runs orders under the exec guard.
    pub(crate) guards: bool,
    sender: mpsc::Sender<Utf8Bytes>,
    /// Closes the socket.
    pub(crate) closed: CancellationToken,
}

impl Connection {
    /// Queues a message. False: the socket is gone or does not keep up.
    pub(crate) fn send(&self, message: Utf8Bytes) -> bool {
        !self.closed.is_cancelled() && self.sender.try_send(message).is_ok()
    }
}

/// The control sockets of a server. Several may be open for a while, when an agent
/// dials again before the old one is known to be gone.
#[derive(Default)]
struct Controls {
    /// Closes them all.
    closed: CancellationToken,
    sockets: Vec<mpsc::Sender<Utf8Bytes>>,
    /// Messages for the next socket, with the time they came.
    waiting: Vec<(Instant, Utf8Bytes)>,
}

/// The agents that hold a backhaul to this node.
#[derive(Default)]
pub(crate) struct Hub {
    next: AtomicU64,
    connections: Mutex<HashMap<ServerId, Connection>>,
    replacements: Mutex<HashMap<ServerId, Vec<Instant>>>,
    controls: Mutex<HashMap<ServerId, Controls>>,
    /// When agents that left were last here.
    left: Mutex<HashMap<ServerId, DateTime<Utc>>>,
}

impl Hub {
    fn connections(&self) -> MutexGuard<'_, HashMap<ServerId, Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a new backhaul in; an older one of the same server is closed.
    pub(crate) fn connect(
        &self,
        workspace: WorkspaceId,
        server: ServerId,
        channel: Option<String>,
        websocket_base: String,
        guards: bool,
    ) -> (Connection, mpsc::Receiver<Utf8Bytes>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let connection = Connection {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            workspace,
            server,
            since: store::now(),
            websocket_base,
            channel,
            guards,
            sender,
            closed: CancellationToken::new(),
        };
        if let Some(old) = self.connections().insert(server, connection.clone()) {
            old.closed.cancel();
        }
        (connection, receiver)
    }

    /// Whether a newcomer for a connected server may replace the one there is.
    pub(crate) fn may_replace(&self, server: ServerId) -> bool {
        if self.connection(server).is_none() {
            return true;
        }
        let mut all = self
            .replacements
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        all.retain(|_, times| {
            times.retain(|time| now.duration_since(*time) < REPLACEMENT_WINDOW);
            !times.is_empty()
        });
        let times = all.entry(server).or_default();
        if times.len() >= MAX_REPLACEMENTS {
            return false;
        }
        times.push(now);
        true
    }

    /// Forgets a backhaul. True: it was the current one, so the server is off line.
    pub(crate) fn disconnect(&self, connection: &Connection) -> bool {
        connection.closed.cancel();
        let mut connections = self.connections();
        let current = connections
            .get(&connection.server)
            .is_some_and(|current| current.number == connection.number);
        if current {
            connections.remove(&connection.server);
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            left.insert(connection.server, store::now());
        }
        current
    }

    /// When an agent that is not here left, if it ever was.
    pub(crate) fn last_seen(&self, server: ServerId) -> Option<DateTime<Utc>> {
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&server)
            .copied()
    }

    /// The backhaul of a server.
    pub(crate) fn connection(&self, server: ServerId) -> Option<Connection> {
        self.connections().get(&server).cloned()
    }

    /// All backhauls.
    pub(crate) fn all(&self) -> Vec<Connection> {
        self.connections().values().cloned().collect()
    }

    /// Takes a control socket in: what closes it, and what to send on it, first of
    /// all what came while no socket was open.
    pub(crate) fn control(
        &self,
        server: ServerId,
    ) -> (CancellationToken, mpsc::Receiver<Utf8Bytes>) {
        let (sender, receiver) = mpsc::channel(CONTROL_QUEUE);
        let mut all = self.lock_controls();
        let controls = all.entry(server).or_default();
        let now = Instant::now();
        for (since, message) in controls.waiting.drain(..) {
            if now.duration_since(since) < CONTROL_WAIT {
                // The channel is as long as the list.
                drop(sender.try_send(message));
            }
        }
        controls.sockets.retain(|socket| !socket.is_closed());
        controls.sockets.push(sender);
        (controls.closed.clone(), receiver)
    }

    /// Sends on the control sockets of a server: on all, because a dead one may not
    /// be known as dead yet. Without any, the message waits for one a while.
    pub(crate) fn send_control(&self, server: ServerId, message: Utf8Bytes) {
        let mut all = self.lock_controls();
        let controls = all.entry(server).or_default();
        controls.sockets.retain(|socket| !socket.is_closed());
        let mut sent = false;
        for socket in &controls.sockets {
            sent |= socket.try_send(message.clone()).is_ok();
        }
        if sent {
            return;
        }
        let now = Instant::now();
        controls
            .waiting
            .retain(|(since, _)| now.duration_since(*since) < CONTROL_WAIT);
        if controls.waiting.len() < CONTROL_QUEUE {
            controls.waiting.push((now, message));
        }
    }

    /// Closes the sockets of a server, whichever it has.
    pub(crate) fn close(&self, server: ServerId) {
        if let Some(connection) = self.connection(server) {
            connection.closed.cancel();
        }
        let controls = self.lock_controls().remove(&server);
        if let Some(controls) = controls {
            controls.closed.cancel();
        }
    }

    fn lock_controls(&self) -> MutexGuard<'_, HashMap<ServerId, Controls>> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) -> usize {
        self.connections().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newcomer_closes_the_old_one_and_the_old_one_leaves_it_alone() {
        let hub = Hub::default();
        let server = ServerId::new();
        let (old, _receiver) = hub.connect(WorkspaceId::new(), server, None, String::new(), false);
        let (new, mut receiver) =
            hub.connect(WorkspaceId::new(), server, None, String::new(), false);
        assert!(old.closed.is_cancelled());
        assert!(!old.send("lost".into()));
        assert!(!hub.disconnect(&old));
        assert!(hub.connection(server).unwrap().send("kept".into()));
        assert_eq!(receiver.recv().await.unwrap().as_str(), "kept");
        assert!(hub.disconnect(&new));
        assert!(hub.connection(server).is_none());
    }

    #[test]
    fn closing_a_server_closes_all_its_sockets_and_no_others() {
        let hub = Hub::default();
        let (server, other) = (ServerId::new(), ServerId::new());
        let (connection, _receiver) =
            hub.connect(WorkspaceId::new(), server, None, String::new(), false);
        let (first, _) = hub.control(server);
        let (second, _) = hub.control(server);
        let (foreign, _) = hub.control(other);
        hub.close(server);
        assert!(connection.closed.is_cancelled());
        assert!(first.is_cancelled() && second.is_cancelled());
        assert!(!foreign.is_cancelled());
        assert!(!hub.control(server).0.is_cancelled());
    }

    #[test]
    fn a_control_message_waits_for_a_socket_and_goes_to_every_one() {
        let hub = Hub::default();
        let server = ServerId::new();
        hub.send_control(server, "early".into());
        let (_, mut first) = hub.control(server);
        assert_eq!(first.try_recv().unwrap().as_str(), "early");
        let (_, mut second) = hub.control(server);
        hub.send_control(server, "now".into());
        assert_eq!(first.try_recv().unwrap().as_str(), "now");
        assert_eq!(second.try_recv().unwrap().as_str(), "now");
        drop((first, second));
        hub.send_control(server, "late".into());
        hub.send_control(ServerId::new(), "foreign".into());
        let (_, mut third) = hub.control(server);
        assert_eq!(third.try_recv().unwrap().as_str(), "late");
        assert!(third.try_recv().is_err());
    }

    #[test]
    fn endless_eviction_is_refused() {
        let hub = Hub::default();
        let server = ServerId::new();
        let _first = hub.connect(WorkspaceId::new(), server, None, String::new(), false);
        let allowed = (0..MAX_REPLACEMENTS * 2)
            .filter(|_| hub.may_replace(server))
            .count();
        assert_eq!(allowed, MAX_REPLACEMENTS);
        assert!(hub.may_replace(ServerId::new()));
    }

    #[test]
    fn a_full_queue_is_told_to_the_sender() {
        let hub = Hub::default();
        let (connection, _receiver) = hub.connect(
            WorkspaceId::new(),
            ServerId::new(),
            None,
            String::new(),
            false,
        );
        let sent = (0..QUEUE * 2)
            .filter(|_| connection.send("x".into()))
            .count();
        assert_eq!(sent, QUEUE);
    }
}
