//! What a supervisor has to tell and the agent has not acknowledged: bounded, shared
//! by the thread that holds the tree and the one that talks.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::guard::{Control, Ending};
use protocol::guard::{Program, ProgramEnd, Verdict};

use super::frame::{End, Item, Up, line};
use crate::reporter::weight;

/// Output that may be under way, in bytes; more waits in the program's pipe.
const MAX_OUTPUT: usize = 256 * 1024;
/// Records of programs that may be under way, in bytes. Beyond, allowed programs are
/// only counted, and after a denial the tree waits.
const MAX_PROGRAMS: usize = 256 * 1024;
/// The talking thread takes a line for the user at once, unless something is wrong.
const NOTICE_PATIENCE: Duration = Duration::from_secs(1);
/// Programs in one item.
const BATCH: usize = 256;

/// Which bound an item counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Output,
    Programs,
    Other,
}

struct Kept {
    n: u64,
    kind: Kind,
    line: String,
}

/// Under the lock.
#[derive(Default)]
pub(super) struct State {
    items: VecDeque<Kept>,
    next: u64,
    output_bytes: usize,
    program_bytes: usize,
    started: Vec<Program>,
    ended: Vec<ProgramEnd>,
    folded: u64,
    /// Since when the batch of programs waits.
    pub(super) batch_since: Option<Instant>,
    /// The batch holds a denial: it does not wait.
    pub(super) is_urgent: bool,
    /// Lines of the guard for the user.
    pub(super) notices: Vec<u8>,
    /// Held programs and when their answer is overdue.
    pub(super) holds: Vec<(i64, Instant)>,
    /// The first program ended, or never started.
    pub(super) end: Option<(End, Instant)>,
    /// Nothing of the tree is left.
    pub(super) is_over: bool,
    /// The tree is being killed: nobody waits for room any more.
    pub(super) is_stopping: bool,
}

/// What both threads share.
pub(super) struct Outbox {
    state: Mutex<State>,
    room: Condvar,
    /// Lines for the user were taken.
    taken: Condvar,
    /// A byte here wakes the talking thread.
    wake: OwnedFd,
    /// Steers the tree.
    pub(super) control: Control,
}

impl Outbox {
    pub(super) fn new(wake: OwnedFd) -> Self {
        Self {
            state: Mutex::default(),
            room: Condvar::new(),
            taken: Condvar::new(),
            wake,
            control: Control::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the talking thread.
    pub(super) fn wake(&self) {
        // A full pipe wakes it as well.
        let _full = rustix::io::write(&self.wake, &[1]);
    }

    /// A program was judged; what was to be done about it is done already.
    pub(super) fn program(&self, program: Program, hold: Duration) {
        let mut state = self.lock();
        let is_allowed = program.verdict == Verdict::Allow;
        while state.program_bytes >= MAX_PROGRAMS && !is_allowed && !state.is_stopping {
            state = (self.room.wait(state)).unwrap_or_else(PoisonError::into_inner);
        }
        if state.program_bytes >= MAX_PROGRAMS && is_allowed {
            drop(state);
            return self.fold();
        }
        if program.verdict == Verdict::Hold {
            state.holds.push((program.seq, Instant::now() + hold));
        }
        state.is_urgent |= !is_allowed;
        state.program_bytes += weight(&program);
        state.started.push(program);
        let is_first = state.batch_since.is_none();
        if is_first {
            state.batch_since = Some(Instant::now());
        }
        let must_go = state.is_urgent || state.started.len() >= BATCH;
        drop(state);
        if is_first || must_go {
            self.wake();
        }
    }

    /// An allowed program is only counted.
    pub(super) fn fold(&self) {
        let mut state = self.lock();
        state.folded += 1;
        state.batch_since.get_or_insert_with(Instant::now);
    }

    /// A program that was told ended.
    pub(super) fn program_ended(&self, end: ProgramEnd) {
        let mut state = self.lock();
        state.holds.retain(|(seq, _)| *seq != end.seq);
        match state
            .started
            .binary_search_by_key(&end.seq, |known| known.seq)
        {
            Ok(at) => {
                if let Some(program) = state.started.get_mut(at) {
                    program.end = Some(end);
                }
            }
            Err(_) => {
                state.ended.push(end);
                let is_first = state.batch_since.is_none();
                state.batch_since.get_or_insert_with(Instant::now);
                drop(state);
                if is_first {
                    self.wake();
                }
            }
        }
    }

    /// A line for the user, at its place in the output: what the tree writes after this
    /// has returned comes after it.
    pub(super) fn notice(&self, text: &str) {
        let mut state = self.lock();
        state.notices.extend_from_slice(text.as_bytes());
        state.notices.push(b'\n');
        self.wake();
        let waits = |state: &mut State| !state.notices.is_empty() && !state.is_stopping;
        let _late = self.taken.wait_timeout_while(state, NOTICE_PATIENCE, waits);
    }

    /// The lines for the user that wait.
    pub(super) fn take_notices(&self) -> Vec<u8> {
        let notices = std::mem::take(&mut self.lock().notices);
        self.taken.notify_all();
        notices
    }

    pub(super) fn first_ended(&self, ending: Ending) {
        let end = match ending {
            Ending::Exited(status) => End::Exited { status },
            Ending::Killed(signal) => End::Killed { signal },
        };
        self.lock().end.get_or_insert((end, Instant::now()));
        self.wake();
    }

    /// The tree is gone, or never was; `end` is that of its first program.
    pub(super) fn over(&self, end: End) {
        let mut state = self.lock();
        state.end.get_or_insert((end, Instant::now()));
        state.is_over = true;
        drop(state);
        self.wake();
    }

    /// Kills the tree.
    pub(super) fn stop(&self) {
        self.lock().is_stopping = true;
        self.room.notify_all();
        self.taken.notify_all();
        self.control.kill();
    }

    /// Items up to `n` have arrived.
    pub(super) fn acknowledge(&self, n: u64) {
        let mut state = self.lock();
        while state.items.front().is_some_and(|kept| kept.n <= n) {
            let Some(kept) = state.items.pop_front() else {
                break;
            };
            match kept.kind {
                Kind::Output => state.output_bytes -= kept.line.len(),
                Kind::Programs => state.program_bytes -= kept.line.len(),
                Kind::Other => {}
            }
        }
        drop(state);
        self.room.notify_all();
    }
}

impl State {
    /// Whether more output may be taken from the tree.
    pub(super) fn has_room(&self) -> bool {
        self.output_bytes < MAX_OUTPUT
    }

    pub(super) fn push(&mut self, item: Item) {
        let kind = match item {
            Item::Output { .. } => Kind::Output,
            Item::Programs { .. } => Kind::Programs,
            Item::Guarded { .. } | Item::Outcome(_) => Kind::Other,
        };
        self.next += 1;
        let n = self.next;
        // The types hold nothing that JSON cannot express.
        let line = line(&Up::Item { n, item }).unwrap_or_default();
        match kind {
            Kind::Output => self.output_bytes += line.len(),
            Kind::Programs => self.program_bytes += line.len(),
            Kind::Other => {}
        }
        self.items.push_back(Kept { n, kind, line });
    }

    /// Whether the batch is big enough to go.
    pub(super) fn batch_is_full(&self) -> bool {
        self.started.len() >= BATCH || self.ended.len() >= BATCH
    }

    /// Turns the batch into an item.
    pub(super) fn flush_programs(&mut self) {
        self.batch_since = None;
        self.is_urgent = false;
        if self.started.is_empty() && self.ended.is_empty() && self.folded == 0 {
            return;
        }
        let started = std::mem::take(&mut self.started);
        self.program_bytes -= started.iter().map(weight).sum::<usize>();
        let ended = std::mem::take(&mut self.ended);
        let folded = std::mem::take(&mut self.folded);
        self.push(Item::Programs {
            started,
            ended,
            folded,
        });
    }

    /// The lines after item `n`, at most about `limit` bytes, and the last number.
    pub(super) fn lines_after(&self, n: u64, limit: usize) -> (String, u64) {
        let mut lines = String::new();
        let mut last = n;
        let skip = self.items.partition_point(|kept| kept.n <= n);
        for kept in self.items.iter().skip(skip) {
            if lines.len() >= limit {
                break;
            }
            lines.push_str(&kept.line);
            last = kept.n;
        }
        (lines, last)
    }

    /// Everything was acknowledged.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.batch_since.is_none()
    }
}
