//! What a terminal showed last, for all that look at it. Each reads at its own pace: who
//! falls behind what is kept goes on with what there is.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use protocol::terminal::WINDOW;
use tokio::sync::watch;

use super::end::End;

/// Bytes that are kept. More than the owner may be behind.
const KEPT: usize = 256 * 1024;
/// What somebody who comes later sees of what was.
const RECENT: u64 = 64 * 1024;

/// How far a terminal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Bytes shown so far.
    pub(super) shown: u64,
    pub(super) end: Option<End>,
}

/// What comes next for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Bytes(Bytes),
    /// What it wanted is not kept any more; go on here.
    Skipped(u64),
    /// It has all there is.
    Nothing,
}

#[derive(Debug, Default)]
struct Ring {
    start: u64,
    bytes: VecDeque<u8>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Screen {
    ring: Mutex<Ring>,
    state: watch::Sender<State>,
    /// How far the owner is; `None`: nobody is waited for.
    owner: watch::Sender<Option<u64>>,
}

impl Screen {
    /// A terminal that has shown `shown` bytes before.
    pub(super) fn starting_at(shown: u64) -> Self {
        let ring = Ring {
            start: shown,
            ..Ring::default()
        };
        Self {
            ring: Mutex::new(ring),
            state: watch::Sender::new(State { shown, end: None }),
            owner: watch::Sender::new(None),
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        {
            let mut ring = self.ring();
            ring.bytes.extend(bytes);
            let excess = ring.bytes.len().saturating_sub(KEPT);
            ring.bytes.drain(..excess);
            ring.start += excess as u64;
        }
        self.state
            .send_modify(|state| state.shown += bytes.len() as u64);
    }

    /// Nothing more will be shown.
    pub(super) fn finish(&self, end: End) {
        self.state.send_modify(|state| state.end = Some(end));
    }

    pub(super) fn follow(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// At most `limit` bytes from `cursor` on.
    pub(super) fn read(&self, cursor: u64, limit: usize) -> Piece {
        let ring = self.ring();
        if cursor < ring.start {
            return Piece::Skipped(ring.start);
        }
        let skip = usize::try_from(cursor - ring.start).unwrap_or(usize::MAX);
        let length = ring.bytes.len().saturating_sub(skip).min(limit);
        if length == 0 {
            return Piece::Nothing;
        }
        Piece::Bytes(ring.bytes.range(skip..skip + length).copied().collect())
    }

    /// Where somebody begins who comes later.
    pub(super) fn recent(&self) -> u64 {
        let ring = self.ring();
        let end = ring.start + ring.bytes.len() as u64;
        end.saturating_sub(RECENT).max(ring.start)
    }

    /// Notes how far the owner is; `None`: it is not waited for.
    pub(super) fn owner_at(&self, cursor: Option<u64>) {
        self.owner.send_replace(cursor);
    }

    pub(super) fn follow_owner(&self) -> watch::Receiver<Option<u64>> {
        self.owner.subscribe()
    }

    /// Whether more may be shown: the owner keeps up.
    pub(super) fn has_room(&self) -> bool {
        let shown = self.state.borrow().shown;
        self.owner
            .borrow()
            .is_none_or(|cursor| shown.saturating_sub(cursor) < WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reads_at_its_own_pace_and_the_owner_holds_all_back() {
        let screen = Screen::starting_at(10);
        assert_eq!(screen.read(10, 5), Piece::Nothing);
        screen.push(b"hello");
        assert_eq!(screen.read(10, 3), Piece::Bytes("hel".into()));
        assert_eq!(screen.read(13, 9), Piece::Bytes("lo".into()));
        assert_eq!(screen.read(0, 9), Piece::Skipped(10));
        screen.owner_at(Some(15));
        assert!(screen.has_room());
        screen.push(&vec![b'x'; 192 * 1024]);
        assert!(!screen.has_room());
        screen.owner_at(None);
        assert!(screen.has_room());
        screen.push(&vec![b'y'; KEPT]);
        let start = 15 + 192 * 1024;
        assert_eq!(screen.read(10, 9), Piece::Skipped(start));
        assert_eq!(screen.recent(), start + KEPT as u64 - RECENT);
    }
}
