//! The event channels of this node and who listens to what.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use protocol::id::{ChannelId, UserId, WorkspaceId};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::crypto::token;

/// Frames that may wait for one listener. What does not fit is dropped: output is
/// stored before it is published, and clients fetch what they miss.
const QUEUE: usize = 1024;
/// A channel that nobody opened, or whose listener left, goes after this.
const IDLE: Duration = Duration::from_secs(60);
/// Channels one caller may hold.
const MAX_CHANNELS: usize = 128;
/// Subscriptions of one channel.
const MAX_SUBSCRIPTIONS: usize = 256;

/// What a subscription listens to.
type Topic = (WorkspaceId, &'static str, Option<Uuid>);

struct Channel {
    workspace: WorkspaceId,
    /// The login or token it was made with; it goes with that.
    credential: Uuid,
    /// Whose that is.
    user: Option<UserId>,
    token_hash: String,
    topics: HashSet<Topic>,
    listener: Option<Listener>,
    idle_since: Instant,
}

struct Listener {
    sender: mpsc::Sender<Utf8Bytes>,
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    channels: HashMap<ChannelId, Channel>,
    topics: HashMap<Topic, HashSet<ChannelId>>,
}

impl State {
    fn remove(&mut self, id: ChannelId) {
        let Some(channel) = self.channels.remove(&id) else {
            return;
        };
        if let Some(listener) = channel.listener {
            listener.closed.cancel();
        }
        for topic in channel.topics {
            if let Some(ids) = self.topics.get_mut(&topic) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.topics.remove(&topic);
                }
            }
        }
    }
}

/// Why a subscription is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscribeError {
    /// No such channel of this caller.
    Unknown,
    /// Nobody listens on it.
    NotConnected,
    /// It has too many subscriptions.
    TooMany,
}

/// The event channels of this node.
#[derive(Default)]
pub(crate) struct EventHub(Mutex<State>);

impl EventHub {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a channel. None: the caller holds too many.
    pub(crate) fn create(
        &self,
        workspace: WorkspaceId,
        credential: Uuid,
        user: Option<UserId>,
        token_hash: String,
    ) -> Option<ChannelId> {
        let mut state = self.state();
        let held = state
            .channels
            .values()
            .filter(|c| c.credential == credential)
            .count();
        if held >= MAX_CHANNELS {
            return None;
        }
        let id = ChannelId::new();
        state.channels.insert(
            id,
            Channel {
                workspace,
                credential,
                user,
                token_hash,
                topics: HashSet::new(),
                listener: None,
                idle_since: Instant::now(),
            },
        );
        Some(id)
    }

    /// Attaches a listener; one that is there is closed. None: no such channel, or
    /// the wrong token.
    pub(crate) fn attach(
        &self,
        id: ChannelId,
        token_text: &str,
    ) -> Option<(mpsc::Receiver<Utf8Bytes>, CancellationToken)> {
        let mut state = self.state();
        let channel = state.channels.get_mut(&id)?;
        if !token::same_hash(&channel.token_hash, &token::hash(token_text)) {
            return None;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let closed = CancellationToken::new();
        if let Some(old) = channel.listener.replace(Listener {
            sender,
            closed: closed.clone(),
        }) {
            old.closed.cancel();
        }
        Some((receiver, closed))
    }

    /// Notes that a listener left. Its channel waits for it for a while.
    pub(crate) fn detach(&self, id: ChannelId, closed: &CancellationToken) {
        // A listener that was replaced is cancelled already, and leaves the new one alone.
        if closed.is_cancelled() {
            return;
        }
        closed.cancel();
        if let Some(channel) = self.state().channels.get_mut(&id) {
            channel.listener = None;
            channel.idle_since = Instant::now();
        }
    }

    pub(crate) fn subscribe(
        &self,
        id: ChannelId,
        credential: Uuid,
        event_type: &'static str,
        target: Option<Uuid>,
    ) -> Result<(), SubscribeError> {
        let mut state = self.state();
        let channel = state
            .channels
            .get_mut(&id)
            .filter(|channel| channel.credential == credential)
            .ok_or(SubscribeError::Unknown)?;
        if channel.listener.is_none() {
            return Err(SubscribeError::NotConnected);
        }
        if channel.topics.len() >= MAX_SUBSCRIPTIONS {
            return Err(SubscribeError::TooMany);
        }
        let topic = (channel.workspace, event_type, target);
        channel.topics.insert(topic);
        state.topics.entry(topic).or_default().insert(id);
        Ok(())
    }

    /// Sends an event to whoever listens to it.
    pub(crate) fn publish(
        &self,
        workspace: WorkspaceId,
        event_type: &'static str,
        target: Option<Uuid>,
        payload: &Value,
    ) {
        let state = self.state();
        let Some(ids) = state.topics.get(&(workspace, event_type, target)) else {
            return;
        };
        let frame = json!({"event_type": event_type, "payload": payload}).to_string();
        let frame = Utf8Bytes::from(frame);
        for listener in ids
            .iter()
            .filter_map(|id| state.channels.get(id)?.listener.as_ref())
        {
            if listener.sender.try_send(frame.clone()).is_err() {
                tracing::debug!(event_type, "an event was dropped for a slow listener");
            }
        }
    }

    /// Closes the channels of a login or token that is no longer valid.
    pub(crate) fn close_of(&self, credential: Uuid) {
        self.close_where(|channel| channel.credential == credential);
    }

    /// Closes the channels of a user who may see less from now on: what they listen to
    /// was checked when they subscribed.
    pub(crate) fn close_of_user(&self, user: UserId) {
        self.close_where(|channel| channel.user == Some(user));
    }

    /// Closes all channels of a workspace.
    pub(crate) fn close_of_workspace(&self, workspace: WorkspaceId) {
        self.close_where(|channel| channel.workspace == workspace);
    }

    fn close_where(&self, is_closed: impl Fn(&Channel) -> bool) {
        let mut state = self.state();
        let ids: Vec<ChannelId> = state
            .channels
            .iter()
            .filter(|(_, channel)| is_closed(channel))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            state.remove(id);
        }
    }

    /// Removes channels that nobody uses.
    pub(crate) fn sweep(&self) {
        let mut state = self.state();
        let idle: Vec<ChannelId> = state
            .channels
            .iter()
            .filter(|(_, c)| c.listener.is_none() && c.idle_since.elapsed() >= IDLE)
            .map(|(id, _)| *id)
            .collect();
        for id in idle {
            state.remove(id);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.state().channels.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = protocol::event::COMMAND_FIN;

    #[tokio::test]
    async fn events_reach_exactly_their_subscribers() {
        let hub = EventHub::default();
        let (workspace, me, target) = (WorkspaceId::new(), Uuid::now_v7(), Uuid::now_v7());
        let id = hub.create(workspace, me, None, token::hash("t")).unwrap();
        assert_eq!(
            hub.subscribe(id, me, TYPE, None),
            Err(SubscribeError::NotConnected)
        );
        assert!(hub.attach(id, "wrong").is_none());
        let (mut frames, closed) = hub.attach(id, "t").unwrap();
        let stranger = Uuid::now_v7();
        assert_eq!(
            hub.subscribe(id, stranger, TYPE, None),
            Err(SubscribeError::Unknown)
        );
        hub.subscribe(id, me, TYPE, Some(target)).unwrap();

        hub.publish(
            WorkspaceId::new(),
            TYPE,
            Some(target),
            &json!({"id": "foreign"}),
        );
        hub.publish(workspace, TYPE, Some(stranger), &json!({"id": "other"}));
        hub.publish(workspace, TYPE, Some(target), &json!({"id": "mine"}));
        assert!(frames.recv().await.unwrap().contains("mine"));

        // A new listener on the same channel takes over, subscriptions stay.
        let (mut again, _) = hub.attach(id, "t").unwrap();
        assert!(closed.is_cancelled());
        hub.detach(id, &closed);
        hub.publish(workspace, TYPE, Some(target), &json!({"id": "again"}));
        assert!(again.recv().await.unwrap().contains("again"));

        hub.close_of(me);
        assert_eq!(hub.count(), 0);
        assert!(again.recv().await.is_none());
    }

    #[test]
    fn a_users_channels_go_whatever_they_were_made_with() {
        let hub = EventHub::default();
        let user = UserId::new();
        for owner in [Some(user), Some(user), Some(UserId::new()), None] {
            let made = hub.create(WorkspaceId::new(), Uuid::now_v7(), owner, String::new());
            assert!(made.is_some());
        }
        hub.close_of_user(user);
        assert_eq!(hub.count(), 2);
    }

    #[test]
    fn the_channels_of_a_workspace_go_and_no_others() {
        let hub = EventHub::default();
        let workspace = WorkspaceId::new();
        for of in [workspace, workspace, WorkspaceId::new()] {
            let made = hub.create(of, Uuid::now_v7(), None, String::new());
            assert!(made.is_some());
        }
        hub.close_of_workspace(workspace);
        assert_eq!(hub.count(), 1);
    }

    #[test]
    fn channels_per_caller_are_bounded() {
        let hub = EventHub::default();
        let me = Uuid::now_v7();
        let made = (0..MAX_CHANNELS * 2)
            .filter(|_| {
                hub.create(WorkspaceId::new(), me, None, String::new())
                    .is_some()
            })
            .count();
        assert_eq!(made, MAX_CHANNELS);
    }
}
