//! Which processes lead sessions of ours (`agent-channels.md` §7.5).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::ancestry;

/// For whom a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A `system` command, by its id.
    Command(String),
    /// A terminal, by its session's id.
    Terminal(String),
}

/// A tracked process as a request finds it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) owner: Owner,
    /// Cancelled when the process ended or its number got another owner.
    pub(super) ended: CancellationToken,
}

/// The processes that lead sessions of ours; clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Tracker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    next: AtomicU64,
    leaders: Mutex<HashMap<i32, Entry>>,
}

struct Entry {
    number: u64,
    found: Found,
}

/// Keeps a process tracked; dropping it forgets the process and ends what it asks.
#[must_use]
pub(crate) struct Tracked {
    tracker: Tracker,
    pid: i32,
    number: u64,
}

impl Tracker {
    /// Tracks the session leader `pid`. A leader of the same number is forgotten:
    /// the number was given anew.
    pub(crate) fn track(&self, pid: i32, owner: Owner) -> Tracked {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let found = Found {
            owner,
            ended: CancellationToken::new(),
        };
        if let Some(old) = self.leaders().insert(pid, Entry { number, found }) {
            old.found.ended.cancel();
        }
        Tracked {
            tracker: self.clone(),
            pid,
            number,
        }
    }

    /// The session that a process belongs to: by its POSIX session, by its parent,
    /// or by an ancestor, as a process that made itself a session of its own is no
    /// less ours.
    pub(super) fn find(&self, pid: i64, ppid: i64) -> Option<Found> {
        let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0);
        let ppid = i32::try_from(ppid).ok().filter(|pid| *pid > 0);
        let ancestors = pid.into_iter().flat_map(ancestry::of);
        let candidates: Vec<i32> = pid
            .and_then(ancestry::session)
            .into_iter()
            .chain(ppid)
            .chain(ancestors)
            .collect();
        let leaders = self.leaders();
        candidates
            .iter()
            .find_map(|candidate| leaders.get(candidate))
            .map(|entry| entry.found.clone())
    }

    fn leaders(&self) -> MutexGuard<'_, HashMap<i32, Entry>> {
        self.shared
            .leaders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let mut leaders = self.tracker.leaders();
        let own = leaders
            .get(&self.pid)
            .is_some_and(|entry| entry.number == self.number);
        if own && let Some(entry) = leaders.remove(&self.pid) {
            entry.found.ended.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn owner(id: &str) -> Owner {
        Owner::Command(id.to_owned())
    }

    fn found(tracker: &Tracker, pid: u32) -> Option<Owner> {
        tracker.find(i64::from(pid), 0).map(|found| found.owner)
    }

    #[test]
    fn a_number_given_anew_belongs_to_the_newcomer() {
        let tracker = Tracker::default();
        let old = tracker.track(i32::MAX, owner("old"));
        let waiting = tracker.find(0, i64::from(i32::MAX)).unwrap();
        let new = tracker.track(i32::MAX, owner("new"));
        assert!(waiting.ended.is_cancelled());
        drop(old);
        let still = tracker.find(0, i64::from(i32::MAX)).unwrap();
        assert_eq!(still.owner, owner("new"));
        drop(new);
        assert!(still.ended.is_cancelled());
        assert!(tracker.find(0, i64::from(i32::MAX)).is_none());
    }

    #[test]
    fn children_belong_to_their_leader_also_in_sessions_of_their_own() {
        let tracker = Tracker::default();
        let mut leader = Command::new("/bin/sh")
            .args(["-c", "setsid sh -c 'echo $$; exec sleep 600'; :"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = std::io::BufReader::new(leader.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        let grandchild: u32 = line.trim().parse().unwrap();
        let before = found(&tracker, grandchild);
        let tracked = tracker.track(leader.id().cast_signed(), owner("c"));
        let during = found(&tracker, grandchild);
        drop(tracked);
        let after = found(&tracker, grandchild);
        let number = rustix::process::Pid::from_raw(grandchild.cast_signed()).unwrap();
        rustix::process::kill_process(number, rustix::process::Signal::KILL).unwrap();
        leader.wait().unwrap();
        assert_eq!([before, during, after], [None, Some(owner("c")), None]);
    }

    #[test]
    fn impossible_numbers_match_nothing() {
        let tracker = Tracker::default();
        let _tracked = tracker.track(1, owner("init"));
        for pid in [0, -1, i64::MAX, i64::MIN] {
            assert!(tracker.find(pid, pid).is_none(), "{pid}");
        }
    }
}
