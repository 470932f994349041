//! The terminals of this node, and who may connect to them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::id::{WebshChannelId, WebshSessionId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::link::Arrival;
use super::screen::Screen;
use crate::crypto::token;
use crate::http::PublicCtx;
use crate::locks::Footing;
use crate::rendezvous;

/// Terminals of one user or token at once, and of all.
const MAX_OF_ONE: usize = 64;
const MAX_OF_ALL: usize = 4096;
/// Ways into one terminal that may be open or waited for.
const MAX_PLACES: usize = 64;
/// An address is good for this long.
const PLACE_LIFE: Duration = Duration::from_secs(60);

/// Whose a terminal is, and what it rests on.
pub(super) type Bond = rendezvous::Bond<WebshSessionId>;

/// As what somebody connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Who opened it.
    Owner,
    /// Who has the password of a share.
    Joined,
    /// Who may look at all terminals.
    Watcher,
    /// The agent.
    Agent,
}

/// Somebody who is waited for: whoever shows the token is it, once.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) channel: WebshChannelId,
    pub(super) role: Role,
    /// What the way in rests on.
    pub(super) footing: Footing,
    pub(super) read_only: bool,
    token_hash: String,
    made: Instant,
}

/// What a user does.
#[derive(Debug)]
pub(super) enum Event {
    /// Connected.
    Came { role: Role, read_only: bool },
    /// Left.
    Left { role: Role, read_only: bool },
    /// The window of the owner changed.
    Resized { rows: u16, cols: u16 },
}

type Viewers = HashMap<WebshChannelId, (Footing, CancellationToken)>;

/// A terminal that is open.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) bond: Bond,
    pub(super) screen: Screen,
    pub(super) input: mpsc::Sender<Bytes>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) agents: mpsc::Sender<Arrival>,
    places: Mutex<Vec<Place>>,
    /// Users that are connected, with what cuts them off.
    viewers: Mutex<Viewers>,
    end: OnceLock<End>,
    ended: CancellationToken,
}

/// What the task of a terminal receives.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) input: mpsc::Receiver<Bytes>,
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) agents: mpsc::Receiver<Arrival>,
}

impl Live {
    pub(super) fn new(bond: Bond, shown: u64) -> (Arc<Self>, Inbox) {
        let (input, input_receiver) = mpsc::channel(8);
        let (events, events_receiver) = mpsc::channel(MAX_PLACES);
        let (agents, agents_receiver) = mpsc::channel(1);
        let live = Self {
            bond,
            screen: Screen::starting_at(shown),
            input,
            events,
            agents,
            places: Mutex::default(),
            viewers: Mutex::default(),
            end: OnceLock::new(),
            ended: CancellationToken::new(),
        };
        let inbox = Inbox {
            input: input_receiver,
            events: events_receiver,
            agents: agents_receiver,
        };
        (Arc::new(live), inbox)
    }

    /// Ends the terminal; the first reason counts.
    pub(super) fn end(&self, end: End) {
        let _later = self.end.set(end);
        self.ended.cancel();
    }

    /// Waits until somebody ended it.
    pub(super) async fn ended(&self) -> End {
        self.ended.cancelled().await;
        self.end.get().copied().unwrap_or(End::Closed)
    }

    fn lock_places(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for somebody, who shows a token of this hash. False: too many are there.
    pub(super) fn expect(
        &self,
        channel: WebshChannelId,
        role: Role,
        footing: Footing,
        read_only: bool,
        token_hash: String,
    ) -> bool {
        let mut places = self.lock_places();
        places.retain(|place| place.made.elapsed() < PLACE_LIFE);
        if places.len() + self.viewers().len() >= MAX_PLACES {
            return false;
        }
        places.push(Place {
            channel,
            role,
            footing,
            read_only,
            token_hash,
            made: Instant::now(),
        });
        true
    }

    /// The place of whoever shows `token_text`, given once.
    pub(super) fn claim(&self, agent: bool, token_text: &str) -> Option<Place> {
        let mut places = self.lock_places();
        places.retain(|place| place.made.elapsed() < PLACE_LIFE);
        let hash = token::hash(token_text);
        let at = places.iter().position(|place| {
            (place.role == Role::Agent) == agent && token::same_hash(&place.token_hash, &hash)
        })?;
        Some(places.swap_remove(at))
    }

    fn viewers(&self) -> MutexGuard<'_, Viewers> {
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a user in: what cuts them off.
    pub(super) fn enter(&self, place: &Place) -> CancellationToken {
        let cut = CancellationToken::new();
        self.viewers()
            .insert(place.channel, (place.footing, cut.clone()));
        cut
    }

    pub(super) fn leave(&self, channel: WebshChannelId) {
        self.viewers().remove(&channel);
    }

    /// What those rest on that are connected or may yet come.
    pub(super) fn footings(&self) -> HashSet<Footing> {
        let places = self.lock_places();
        let expected = places.iter().map(|place| place.footing);
        let viewers = self.viewers();
        expected
            .chain(viewers.values().map(|(footing, _)| *footing))
            .collect()
    }

    /// Cuts those off, and waits no longer for those, whose authority ended.
    pub(super) fn cut_off(&self, has_ended: impl Fn(&Footing) -> bool) {
        self.lock_places()
            .retain(|place| !has_ended(&place.footing));
        for (footing, cut) in self.viewers().values() {
            if has_ended(footing) {
                cut.cancel();
            }
        }
    }
}

/// The terminals of this node.
#[derive(Debug, Default)]
pub(crate) struct Hub(Mutex<HashMap<WebshSessionId, Arc<Live>>>);

impl Hub {
    fn entries(&self) -> MutexGuard<'_, HashMap<WebshSessionId, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a terminal may be opened for whom `bond` names.
    pub(super) fn has_room(&self, bond: &Bond) -> bool {
        let entries = self.entries();
        let whose = |bond: &Bond| (bond.footing.user, bond.footing.token);
        let same = entries
            .values()
            .filter(|live| whose(&live.bond) == whose(bond))
            .count();
        entries.len() < MAX_OF_ALL && same < MAX_OF_ONE
    }

    pub(super) fn insert(&self, live: Arc<Live>) {
        self.entries().insert(live.bond.id, live);
    }

    pub(super) fn remove(&self, id: WebshSessionId) {
        self.entries().remove(&id);
    }

    pub(super) fn find(&self, id: WebshSessionId) -> Option<Arc<Live>> {
        self.entries().get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Live>> {
        self.entries().values().cloned().collect()
    }

    /// Whether a terminal is open, and nothing that it rests on is locked.
    pub(crate) fn is_open(&self, ctx: &PublicCtx, id: WebshSessionId) -> bool {
        let locks = &ctx.app.locks;
        self.find(id).is_some_and(|live| {
            let bond = &live.bond;
            !live.ended.is_cancelled() && locks.on(bond.workspace, &bond.footing).is_none()
        })
    }

    /// Ends the terminals whose authority ended, and cuts those off the others whose
    /// own did.
    pub(crate) fn end_where(&self, has_ended: impl Fn(&Footing) -> bool) {
        for live in self.all() {
            if has_ended(&live.bond.footing) {
                live.end(End::AuthorityEnded);
            } else {
                live.cut_off(&has_ended);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{ServerId, WorkspaceId};

    use super::*;

    #[test]
    fn a_place_is_given_once_to_its_token_and_kind() {
        let bond = Bond {
            id: WebshSessionId::new(),
            workspace: WorkspaceId::new(),
            server: ServerId::new(),
            footing: Footing::default(),
            login: None,
            agent_shows_key: true,
        };
        let nobody = Footing::default();
        let (live, _inbox) = Live::new(bond, 0);
        let channel = WebshChannelId::new();
        assert!(live.expect(channel, Role::Owner, nobody, false, token::hash("u")));
        assert!(live.expect(channel, Role::Agent, nobody, false, token::hash("a")));
        assert!(live.claim(true, "u").is_none(), "no user is the agent");
        assert!(live.claim(false, "a").is_none(), "the agent is no user");
        assert!(live.claim(false, "x").is_none());
        assert!(live.claim(false, "u").is_some());
        assert!(live.claim(false, "u").is_none(), "once only");
        assert!(live.claim(true, "a").is_some());
    }
}
