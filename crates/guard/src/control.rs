//! Steering a tree from another thread than the one that holds it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys;

/// What another thread wants of a supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Kill the whole tree.
    Kill,
    /// The answer about a held program.
    Answer { seq: i64, allow: bool, by: String },
}

/// A handle to a tree that [`crate::run`] holds on another thread.
///
/// The supervisor sleeps in the kernel; it is woken by a signal, which may come just
/// before it falls asleep. Whoever asks for something therefore calls
/// [`Control::nudge`] again and again until that returns false.
#[derive(Debug, Default)]
pub struct Control {
    requests: Mutex<VecDeque<Request>>,
    pending: AtomicBool,
    /// The supervisor's thread; 0 while there is none.
    thread: AtomicI32,
}

impl Control {
    /// Kills the tree.
    pub fn kill(&self) {
        self.ask(Request::Kill);
    }

    /// Answers about the held program `seq`. An answer that comes too late, or
    /// twice, changes nothing.
    pub fn answer(&self, seq: i64, allow: bool, by: &str) {
        let by = by.to_owned();
        self.ask(Request::Answer { seq, allow, by });
    }

    /// Wakes the supervisor where something still waits for it. False: nothing does.
    pub fn nudge(&self) -> bool {
        if !self.pending.load(Ordering::Acquire) {
            return false;
        }
        let thread = self.thread.load(Ordering::Acquire);
        if thread != 0 {
            sys::wake(thread);
        }
        true
    }

    fn ask(&self, request: Request) {
        self.lock().push_back(request);
        self.pending.store(true, Ordering::Release);
        self.nudge();
    }

    /// From now on the calling thread is the supervisor.
    pub(crate) fn attach(&self) {
        sys::handle_wake_ups();
        self.thread.store(sys::this_thread(), Ordering::Release);
    }

    pub(crate) fn detach(&self) {
        self.thread.store(0, Ordering::Release);
    }

    pub(crate) fn take(&self) -> Option<Request> {
        if !self.pending.load(Ordering::Acquire) {
            return None;
        }
        let mut requests = self.lock();
        let request = requests.pop_front();
        if requests.is_empty() {
            self.pending.store(false, Ordering::Release);
        }
        request
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
