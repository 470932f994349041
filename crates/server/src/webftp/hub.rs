//! The file browsers of this node that are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::extract::ws::WebSocket;
use protocol::id::{FileSessionId, ServerId, WorkspaceId};
use protocol::tunnel::close;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::crypto::token;
use crate::locks::Footing;

/// Sessions of one user or token at once, and of all.
const MAX_OF_ONE: usize = 16;
const MAX_OF_ALL: usize = 1024;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    ClientLeft,
    ClientAbsent,
    ClientIdle,
    ClientFailed,
    AgentLeft,
    AgentAbsent,
    AgentRefused,
    AgentFailed,
    AuthorityEnded,
    NotRecorded,
    Restart,
}

impl End {
    /// For people.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::ClientLeft => "The client left.",
            Self::ClientAbsent => "The client did not connect.",
            Self::ClientIdle => "The client asked for nothing any more.",
            Self::ClientFailed => "The client broke the protocol.",
            Self::AgentLeft => "The connection of the agent ended.",
            Self::AgentAbsent => "The agent did not connect.",
            Self::AgentRefused => "The agent refused to open the file browser.",
            Self::AgentFailed => "The agent broke the protocol, or did not answer.",
            Self::AuthorityEnded => "The authority behind it ended.",
            Self::NotRecorded => "A request could not be recorded.",
            Self::Restart => "The server was restarted.",
        }
    }

    /// What the WebSockets are closed with.
    pub(super) fn close_code(self) -> u16 {
        match self {
            Self::ClientLeft | Self::ClientAbsent | Self::ClientIdle => close::NORMAL,
            Self::ClientFailed | Self::AuthorityEnded => close::POLICY,
            Self::AgentLeft
            | Self::AgentAbsent
            | Self::AgentRefused
            | Self::AgentFailed
            | Self::NotRecorded => close::PEER,
            Self::Restart => close::RESTART,
        }
    }
}

/// Which side of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Agent,
}

/// Whose a session is, and what it rests on.
#[derive(Clone, Debug)]
pub(super) struct Bond {
    pub(super) id: FileSessionId,
    pub(super) workspace: WorkspaceId,
    pub(super) server: ServerId,
    pub(super) footing: Footing,
    /// The agent shows its own key beside the token of the URL.
    pub(super) agent_is_ours: bool,
}

/// A session that is open.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) bond: Bond,
    end: OnceLock<End>,
    ended: CancellationToken,
}

impl Live {
    /// Ends it; the first reason counts.
    pub(super) fn end(&self, end: End) {
        let _later = self.end.set(end);
        self.ended.cancel();
    }

    /// Waits until somebody ended it.
    pub(super) async fn ended(&self) -> End {
        self.ended.cancelled().await;
        self.end.get().copied().unwrap_or(End::AuthorityEnded)
    }
}

/// A side that is waited for: whoever shows the token is it, once.
struct Expected {
    token_hash: String,
    arrival: oneshot::Sender<WebSocket>,
}

struct Entry {
    live: Arc<Live>,
    client: Option<Expected>,
    agent: Option<Expected>,
}

/// What the task of a session waits for.
pub(super) struct Arrivals {
    pub(super) client: oneshot::Receiver<WebSocket>,
    pub(super) agent: oneshot::Receiver<WebSocket>,
}

/// The file browsers of this node that are open.
#[derive(Default)]
pub(crate) struct Hub(Mutex<HashMap<FileSessionId, Entry>>);

impl Hub {
    fn entries(&self) -> MutexGuard<'_, HashMap<FileSessionId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more may be opened for whom `bond` names.
    pub(super) fn has_room(&self, bond: &Bond) -> bool {
        let entries = self.entries();
        let whose = |bond: &Bond| (bond.footing.user, bond.footing.token);
        let same = entries
            .values()
            .filter(|entry| whose(&entry.live.bond) == whose(bond))
            .count();
        entries.len() < MAX_OF_ALL && same < MAX_OF_ONE
    }

    /// Takes a session in, with the hashes of the tokens its sides will show.
    pub(super) fn insert(
        &self,
        bond: Bond,
        client_hash: String,
        agent_hash: String,
    ) -> (Arc<Live>, Arrivals) {
        let (client_arrival, client) = oneshot::channel();
        let (agent_arrival, agent) = oneshot::channel();
        let live = Arc::new(Live {
            bond,
            end: OnceLock::new(),
            ended: CancellationToken::new(),
        });
        let expected = |token_hash, arrival| {
            Some(Expected {
                token_hash,
                arrival,
            })
        };
        self.entries().insert(
            live.bond.id,
            Entry {
                live: live.clone(),
                client: expected(client_hash, client_arrival),
                agent: expected(agent_hash, agent_arrival),
            },
        );
        (live, Arrivals { client, agent })
    }

    /// The place of a side, for whoever shows its token. Each is given once.
    pub(super) fn claim(
        &self,
        id: FileSessionId,
        side: Side,
        token_text: &str,
    ) -> Option<oneshot::Sender<WebSocket>> {
        let mut entries = self.entries();
        let entry = entries.get_mut(&id)?;
        let place = match side {
            Side::Client => &mut entry.client,
            Side::Agent => &mut entry.agent,
        };
        let expected = place.as_ref()?;
        if !token::same_hash(&expected.token_hash, &token::hash(token_text)) {
            return None;
        }
        place.take().map(|expected| expected.arrival)
    }

    pub(super) fn find(&self, id: FileSessionId) -> Option<Arc<Live>> {
        self.entries().get(&id).map(|entry| entry.live.clone())
    }

    pub(super) fn remove(&self, id: FileSessionId) {
        self.entries().remove(&id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Live>> {
        let entries = self.entries();
        entries.values().map(|entry| entry.live.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::UserId;

    use super::*;

    fn bond(user: UserId) -> Bond {
        Bond {
            id: FileSessionId::new(),
            workspace: WorkspaceId::new(),
            server: ServerId::new(),
            footing: Footing {
                user: Some(user),
                ..Footing::default()
            },
            agent_is_ours: true,
        }
    }

    #[test]
    fn each_side_is_let_in_once_and_with_its_own_token() {
        let hub = Hub::default();
        let bond = bond(UserId::new());
        let id = bond.id;
        let (_live, _arrivals) = hub.insert(bond, token::hash("c"), token::hash("a"));
        assert!(hub.claim(id, Side::Client, "a").is_none());
        assert!(hub.claim(id, Side::Agent, "c").is_none());
        assert!(hub.claim(FileSessionId::new(), Side::Client, "c").is_none());
        assert!(hub.claim(id, Side::Client, "c").is_some());
        assert!(hub.claim(id, Side::Client, "c").is_none());
        assert!(hub.claim(id, Side::Agent, "a").is_some());
        hub.remove(id);
        assert!(hub.find(id).is_none());
    }

    #[test]
    fn one_user_cannot_take_all_the_room() {
        let hub = Hub::default();
        let (greedy, other) = (UserId::new(), UserId::new());
        for _ in 0..MAX_OF_ONE {
            assert!(hub.has_room(&bond(greedy)));
            hub.insert(bond(greedy), String::new(), String::new());
        }
        assert!(!hub.has_room(&bond(greedy)));
        assert!(hub.has_room(&bond(other)));
    }
}
