//! The channels of this node that are open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::id::{LoginId, ServerId, WorkSessionId, WorkspaceId};
use tokio::sync::{SetOnce, oneshot};
use uuid::Uuid;

use super::{Ending as _, Kind};
use crate::app::App;
use crate::crypto::token;
use crate::gate::Grant;
use crate::http::Ctx;
use crate::locks::Footing;

/// Which side of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Agent,
}

/// Whose a channel is, and what it rests on.
#[derive(Clone, Debug)]
pub(crate) struct Bond<I> {
    pub(crate) id: I,
    pub(crate) workspace: WorkspaceId,
    pub(crate) server: ServerId,
    pub(crate) footing: Footing,
    /// The login it was asked for with.
    pub(crate) login: Option<LoginId>,
    /// The agent shows its own key beside the token of the address.
    pub(crate) agent_shows_key: bool,
}

impl<I: From<Uuid>> Bond<I> {
    /// That of a new channel, for whoever was granted it.
    pub(crate) fn new(ctx: &Ctx, grant: &Grant, agent_shows_key: bool) -> Self {
        let server = ServerId(grant.server.id);
        Self {
            id: I::from(Uuid::now_v7()),
            workspace: ctx.workspace_id(),
            server,
            footing: Footing {
                user: ctx.principal.user_id(),
                token: ctx.principal.token(),
                work_session: grant.session.as_ref().map(|row| WorkSessionId(row.id)),
                server: Some(server),
            },
            login: ctx.principal.login(),
            agent_shows_key,
        }
    }
}

/// A channel that is open.
pub(crate) struct Live<K: Kind> {
    pub(crate) bond: Bond<K::Id>,
    end: SetOnce<K::End>,
}

impl<K: Kind> Live<K> {
    /// Ends it; the first reason counts.
    pub(crate) fn end(&self, end: K::End) {
        let _later = self.end.set(end);
    }

    /// Waits until somebody ends it.
    async fn ended(&self) -> K::End {
        *self.end.wait().await
    }

    /// Waits until somebody ends it, or the process.
    pub(crate) async fn stopped(&self, app: &App) -> K::End {
        tokio::select! {
            end = self.ended() => end,
            () = app.shutdown.cancelled() => K::End::RESTART,
        }
    }
}

/// A side that is waited for: whoever shows the token is it, once.
struct Expected<A> {
    token_hash: String,
    arrival: oneshot::Sender<A>,
}

struct Entry<K: Kind> {
    live: Arc<Live<K>>,
    client: Option<Expected<K::Arrival>>,
    agent: Option<Expected<K::Arrival>>,
}

/// What the task of a channel waits for.
pub(crate) struct Arrivals<A> {
    pub(crate) client: oneshot::Receiver<A>,
    pub(crate) agent: oneshot::Receiver<A>,
}

/// A new channel, and what its task waits for.
type Inserted<K> = (Arc<Live<K>>, Arrivals<<K as Kind>::Arrival>);

/// The channels of one kind that are open on this node.
pub(crate) struct Hub<K: Kind>(Mutex<HashMap<K::Id, Entry<K>>>);

impl<K: Kind> Default for Hub<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Kind> Hub<K> {
    fn entries(&self) -> MutexGuard<'_, HashMap<K::Id, Entry<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a channel in, with the hashes of the tokens its sides will show. `None`: it
    /// is one too many, of all or of whom it is for.
    pub(super) fn insert(
        &self,
        bond: Bond<K::Id>,
        client_hash: String,
        agent_hash: String,
    ) -> Option<Inserted<K>> {
        let mut entries = self.entries();
        if !has_room::<K>(&entries, &bond.footing) {
            return None;
        }
        let (client_arrival, client) = oneshot::channel();
        let (agent_arrival, agent) = oneshot::channel();
        let id = bond.id;
        let live = Arc::new(Live {
            bond,
            end: SetOnce::new(),
        });
        let expected = |token_hash, arrival| {
            Some(Expected {
                token_hash,
                arrival,
            })
        };
        let entry = Entry {
            live: live.clone(),
            client: expected(client_hash, client_arrival),
            agent: expected(agent_hash, agent_arrival),
        };
        entries.insert(id, entry);
        Some((live, Arrivals { client, agent }))
    }

    /// The place of a side, for whoever shows its token. Each is given once.
    pub(super) fn claim(
        &self,
        id: K::Id,
        side: Side,
        token_text: &str,
    ) -> Option<oneshot::Sender<K::Arrival>> {
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

    pub(crate) fn find(&self, id: K::Id) -> Option<Arc<Live<K>>> {
        self.entries().get(&id).map(|entry| entry.live.clone())
    }

    pub(crate) fn remove(&self, id: K::Id) {
        self.entries().remove(&id);
    }

    pub(super) fn all(&self) -> Vec<Arc<Live<K>>> {
        let entries = self.entries();
        entries.values().map(|entry| entry.live.clone()).collect()
    }

    /// Ends those whose authority ended.
    pub(super) fn end_where(&self, has_ended: impl Fn(&Footing) -> bool) {
        for live in self.all() {
            if has_ended(&live.bond.footing) {
                live.end(K::End::AUTHORITY_ENDED);
            }
        }
    }
}

/// Whether one more may be open for whom `footing` names.
fn has_room<K: Kind>(entries: &HashMap<K::Id, Entry<K>>, footing: &Footing) -> bool {
    let whose = |footing: &Footing| (footing.user, footing.token);
    let same = entries
        .values()
        .filter(|entry| whose(&entry.live.bond.footing) == whose(footing))
        .count();
    entries.len() < K::MAX_OF_ALL && same < K::MAX_OF_ONE
}

#[cfg(test)]
mod tests {
    use protocol::id::UserId;

    use super::*;
    use crate::tunnels::{End, Tunnels};
    use crate::webftp::FileBrowsers;

    fn bond<K: Kind>(user: Option<UserId>) -> Bond<K::Id> {
        Bond {
            id: K::Id::from(Uuid::now_v7()),
            workspace: WorkspaceId::new(),
            server: ServerId::new(),
            footing: Footing {
                user,
                work_session: Some(WorkSessionId::new()),
                ..Footing::default()
            },
            login: None,
            agent_shows_key: true,
        }
    }

    fn each_side_is_let_in_once<K: Kind>() {
        let hub = Hub::<K>::default();
        let bond = bond::<K>(None);
        let id = bond.id;
        let inserted = hub.insert(bond, token::hash("c"), token::hash("a"));
        assert!(inserted.is_some());
        let other = K::Id::from(Uuid::now_v7());
        assert!(hub.claim(id, Side::Client, "a").is_none());
        assert!(hub.claim(id, Side::Agent, "c").is_none());
        assert!(hub.claim(other, Side::Client, "c").is_none());
        assert!(hub.claim(id, Side::Client, "c").is_some());
        assert!(hub.claim(id, Side::Client, "c").is_none());
        assert!(hub.claim(id, Side::Agent, "a").is_some());
        hub.remove(id);
        assert!(hub.find(id).is_none());
    }

    #[test]
    fn each_side_is_let_in_once_and_with_its_own_token() {
        each_side_is_let_in_once::<Tunnels>();
        each_side_is_let_in_once::<FileBrowsers>();
    }

    fn one_user_has_room_for<K: Kind>(expected: usize) {
        let hub = Hub::<K>::default();
        let (greedy, other) = (Some(UserId::new()), Some(UserId::new()));
        let mut taken = 0;
        let insert = |user| hub.insert(bond::<K>(user), String::new(), String::new());
        while insert(greedy).is_some() {
            taken += 1;
        }
        assert_eq!(taken, expected);
        assert!(insert(other).is_some());
    }

    #[test]
    fn one_user_cannot_take_all_the_room() {
        one_user_has_room_for::<Tunnels>(64);
        one_user_has_room_for::<FileBrowsers>(16);
    }

    #[tokio::test]
    async fn the_end_of_an_authority_ends_what_rests_on_it_only() {
        let hub = Hub::<Tunnels>::default();
        let user = Some(UserId::new());
        let insert = |user| {
            let inserted = hub.insert(bond::<Tunnels>(user), String::new(), String::new());
            inserted.unwrap().0
        };
        let (mine, other) = (insert(user), insert(None));
        hub.end_where(|footing| footing.user == user);
        mine.end(End::Closed);
        assert_eq!(mine.ended().await, End::AuthorityEnded);
        assert!(!other.end.initialized());
        let session = other.bond.footing.work_session;
        hub.end_where(|footing| footing.work_session == session);
        assert_eq!(other.ended().await, End::AuthorityEnded);
    }
}
