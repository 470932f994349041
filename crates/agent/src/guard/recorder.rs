//! From the guard's loop to the outbox.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::guard::{Ending, Sink};
use protocol::guard::{Program, ProgramEnd, Verdict};

use super::outbox::Outbox;

/// Allowed programs told per second; more are counted.
const PER_SECOND: u32 = 2_000;
/// Allowed programs told of one tree; more are counted.
const PER_TREE: u32 = 20_000;

/// Tells the outbox, within bounds.
pub(super) struct Recorder {
    outbox: Arc<Outbox>,
    hold: Duration,
    /// Programs that were told and have not ended.
    live: HashSet<i64>,
    window: Instant,
    in_window: u32,
    told: u32,
}

impl Recorder {
    pub(super) fn new(outbox: Arc<Outbox>, hold: Duration) -> Self {
        Self {
            outbox,
            hold,
            live: HashSet::new(),
            window: Instant::now(),
            in_window: 0,
            told: 0,
        }
    }

    fn is_over_the_limit(&mut self) -> bool {
        if self.window.elapsed() >= Duration::from_secs(1) {
            self.window = Instant::now();
            self.in_window = 0;
        }
        if self.in_window >= PER_SECOND || self.told >= PER_TREE {
            return true;
        }
        self.in_window += 1;
        self.told += 1;
        false
    }
}

impl Sink for Recorder {
    fn launched(&mut self) {
        super::supervise::let_go_of_output();
    }

    fn exec(&mut self, event: Program) {
        if event.verdict == Verdict::Allow && self.is_over_the_limit() {
            return self.outbox.fold();
        }
        self.live.insert(event.seq);
        self.outbox.program(event, self.hold);
    }

    fn ended(&mut self, end: ProgramEnd) {
        if self.live.remove(&end.seq) {
            self.outbox.program_ended(end);
        }
    }

    fn first_ended(&mut self, ending: Ending) {
        self.outbox.first_ended(ending);
    }

    fn notice(&mut self, text: &str) {
        self.outbox.notice(text);
    }
}
