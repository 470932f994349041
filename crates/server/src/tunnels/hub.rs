//! The tunnels of this node that are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use protocol::id::{ServerId, TokenId, TunnelId, UserId, WorkSessionId, WorkspaceId};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::leg::Arrival;
use crate::crypto::token;
use crate::locks::Footing;

/// Tunnels of one user or token at once, and of all.
const MAX_OF_ONE: usize = 64;
const MAX_OF_ALL: usize = 4096;

/// Which side of a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Agent,
}

/// Whose a tunnel is, and what it is bound to.
#[derive(Clone, Debug)]
pub(super) struct Bond {
    pub(super) id: TunnelId,
    pub(super) workspace: WorkspaceId,
    pub(super) server: ServerId,
    pub(super) user: Option<UserId>,
    pub(super) token: Option<TokenId>,
    pub(super) work_session: Option<WorkSessionId>,
    pub(super) target_port: u16,
}

impl Bond {
    pub(super) fn footing(&self) -> Footing {
        Footing {
            user: self.user,
            token: self.token,
            work_session: self.work_session,
            server: Some(self.server),
        }
    }

    fn is_of_same(&self, other: &Self) -> bool {
        (self.user, self.token) == (other.user, other.token)
    }
}

/// A tunnel that is open.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) bond: Bond,
    end: OnceLock<End>,
    ended: CancellationToken,
}

impl Live {
    /// Ends the tunnel; the first reason counts.
    pub(super) fn end(&self, end: End) {
        let _later = self.end.set(end);
        self.ended.cancel();
    }

    /// Waits until somebody ended it.
    pub(super) async fn ended(&self) -> End {
        self.ended.cancelled().await;
        self.end.get().copied().unwrap_or(End::Closed)
    }
}

/// A side that is waited for: whoever shows the token is it, once.
#[derive(Debug)]
struct Expected {
    token_hash: String,
    arrival: oneshot::Sender<Arrival>,
}

#[derive(Debug)]
struct Entry {
    live: Arc<Live>,
    client: Option<Expected>,
    agent: Option<Expected>,
}

/// What the tunnel's task waits for.
#[derive(Debug)]
pub(super) struct Arrivals {
    pub(super) client: oneshot::Receiver<Arrival>,
    pub(super) agent: oneshot::Receiver<Arrival>,
}

/// The tunnels of this node that are open.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<HashMap<TunnelId, Entry>>);

impl Hub {
    fn entries(&self) -> MutexGuard<'_, HashMap<TunnelId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a tunnel may be opened for whom `bond` names.
    pub(super) fn has_room(&self, bond: &Bond) -> bool {
        let entries = self.entries();
        let same = entries
            .values()
            .filter(|entry| entry.live.bond.is_of_same(bond))
            .count();
        entries.len() < MAX_OF_ALL && same < MAX_OF_ONE
    }

    /// Takes a tunnel in, with the hashes of the tokens its sides will show.
    pub(super) fn insert(
        &self,
        bond: Bond,
        client_hash: String,
        agent_hash: String,
    ) -> (Arc<Live>, Arrivals) {
        let (client_sender, client) = oneshot::channel();
        let (agent_sender, agent) = oneshot::channel();
        let live = Arc::new(Live {
            bond,
            end: OnceLock::new(),
            ended: CancellationToken::new(),
        });
        self.entries().insert(
            live.bond.id,
            Entry {
                live: live.clone(),
                client: Some(Expected {
                    token_hash: client_hash,
                    arrival: client_sender,
                }),
                agent: Some(Expected {
                    token_hash: agent_hash,
                    arrival: agent_sender,
                }),
            },
        );
        (live, Arrivals { client, agent })
    }

    /// The place of a side, for whoever shows its token. Each is given once.
    pub(super) fn claim(
        &self,
        id: TunnelId,
        side: Side,
        token_text: &str,
    ) -> Option<(oneshot::Sender<Arrival>, Bond)> {
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
        let expected = place.take()?;
        Some((expected.arrival, entry.live.bond.clone()))
    }

    pub(super) fn remove(&self, id: TunnelId) {
        self.entries().remove(&id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Live>> {
        let entries = self.entries();
        entries.values().map(|entry| entry.live.clone()).collect()
    }

    pub(super) fn find(&self, id: TunnelId) -> Option<Arc<Live>> {
        self.entries().get(&id).map(|entry| entry.live.clone())
    }

    /// Ends the tunnels of a work session.
    pub(crate) fn end_of_session(&self, session: WorkSessionId) {
        self.end_where(|bond| bond.work_session == Some(session));
    }

    /// Ends the tunnels opened with a token.
    pub(crate) fn end_of_token(&self, token: TokenId) {
        self.end_where(|bond| bond.token == Some(token));
    }

    /// Ends the tunnels of a user.
    pub(crate) fn end_of_user(&self, user: UserId) {
        self.end_where(|bond| bond.user == Some(user));
    }

    fn end_where(&self, is_ended: impl Fn(&Bond) -> bool) {
        for live in self.all() {
            if is_ended(&live.bond) {
                live.end(End::AuthorityEnded);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bond(user: Option<UserId>) -> Bond {
        Bond {
            id: TunnelId::new(),
            workspace: WorkspaceId::new(),
            server: ServerId::new(),
            user,
            token: None,
            work_session: Some(WorkSessionId::new()),
            target_port: 80,
        }
    }

    #[test]
    fn each_side_is_let_in_once_and_with_its_own_token() {
        let hub = Hub::default();
        let bond = bond(None);
        let id = bond.id;
        let (_live, _arrivals) = hub.insert(bond, token::hash("c"), token::hash("a"));
        assert!(hub.claim(id, Side::Client, "a").is_none());
        assert!(hub.claim(id, Side::Agent, "c").is_none());
        assert!(hub.claim(TunnelId::new(), Side::Client, "c").is_none());
        assert!(hub.claim(id, Side::Client, "c").is_some());
        assert!(hub.claim(id, Side::Client, "c").is_none());
        assert!(hub.claim(id, Side::Agent, "a").is_some());
        hub.remove(id);
        assert!(hub.find(id).is_none());
    }

    #[test]
    fn one_user_cannot_take_all_the_room() {
        let hub = Hub::default();
        let (greedy, other) = (Some(UserId::new()), Some(UserId::new()));
        let mut taken = 0;
        while hub.has_room(&bond(greedy)) {
            hub.insert(bond(greedy), String::new(), String::new());
            taken += 1;
        }
        assert_eq!(taken, MAX_OF_ONE);
        assert!(hub.has_room(&bond(other)));
    }

    #[tokio::test]
    async fn the_end_of_an_authority_ends_its_tunnels_only() {
        let hub = Hub::default();
        let user = UserId::new();
        let (mine, _a) = hub.insert(bond(Some(user)), String::new(), String::new());
        let (other, _b) = hub.insert(bond(None), String::new(), String::new());
        hub.end_of_user(user);
        mine.end(End::Closed);
        assert_eq!(mine.ended().await, End::AuthorityEnded);
        assert!(!other.ended.is_cancelled());
        hub.end_of_session(other.bond.work_session.unwrap());
        assert_eq!(other.ended().await, End::AuthorityEnded);
    }
}
