//! A judge that does not answer is not asked for a while: commands must not queue up
//! behind its deadline.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::id::WorkspaceId;

/// Questions in a row without an answer, after which nothing is asked.
const FAILURES: u32 = 5;
/// For so long; then one question tries again.
const PAUSE: Duration = Duration::from_secs(15);
/// Questions of one workspace at once.
const MAX_ASKED: u32 = 64;

/// How the judges of workspaces do.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<HashMap<WorkspaceId, Breaker>>);

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    asked: u32,
    /// Nothing is asked before.
    until: Option<Instant>,
}

/// Leave to ask, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'b> {
    breakers: &'b Breakers,
    workspace: WorkspaceId,
}

impl Breakers {
    /// Leave to ask; none where nobody is to be asked now.
    pub(super) fn turn(&self, workspace: WorkspaceId, now: Instant) -> Option<Turn<'_>> {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = breakers.entry(workspace).or_default();
        if breaker.until.is_some_and(|until| now < until) || breaker.asked >= MAX_ASKED {
            return None;
        }
        if breaker.until.is_some() {
            // This one tries; the others go on waiting until it is answered.
            breaker.until = Some(now + PAUSE);
        }
        breaker.asked += 1;
        Some(Turn {
            breakers: self,
            workspace,
        })
    }
}

impl Turn<'_> {
    /// Notes whether it was answered.
    pub(super) fn end(self, answered: bool, now: Instant) {
        self.with(|breaker| {
            if answered {
                breaker.failures = 0;
                breaker.until = None;
                return;
            }
            breaker.failures = breaker.failures.saturating_add(1);
            if breaker.failures >= FAILURES {
                breaker.until = Some(now + PAUSE);
            }
        });
    }

    fn with(&self, change: impl FnOnce(&mut Breaker)) {
        let mut breakers = self
            .breakers
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(breakers.entry(self.workspace).or_default());
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.with(|breaker| breaker.asked = breaker.asked.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_failures_nobody_is_asked_until_one_tries() {
        let breakers = Breakers::default();
        let (one, other) = (WorkspaceId::new(), WorkspaceId::new());
        let start = Instant::now();
        for _ in 0..FAILURES {
            breakers.turn(one, start).unwrap().end(false, start);
        }
        assert!(breakers.turn(one, start).is_none());
        assert!(breakers.turn(other, start).is_some());
        let later = start + PAUSE;
        let trial = breakers.turn(one, later).unwrap();
        assert!(breakers.turn(one, later).is_none(), "one tries");
        trial.end(false, later);
        assert!(breakers.turn(one, later).is_none());
        let later = later + PAUSE;
        breakers.turn(one, later).unwrap().end(true, later);
        assert!(breakers.turn(one, later).is_some());
    }

    #[test]
    fn only_so_many_ask_at_once() {
        let breakers = Breakers::default();
        let (workspace, now) = (WorkspaceId::new(), Instant::now());
        let turns: Vec<_> = (0..MAX_ASKED)
            .map(|_| breakers.turn(workspace, now).unwrap())
            .collect();
        assert!(breakers.turn(workspace, now).is_none());
        drop(turns);
        assert!(breakers.turn(workspace, now).is_some());
    }
}
