//! The loop that holds a tree: every stop of every task comes here.

use std::io;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digests;
use crate::event::{Event, Sink, Verdict};
use crate::image::{self, Loaded};
use crate::launch::{Account, Launch};
use crate::policy::{Mode, Policy, PolicyError};
use crate::ruling::{Bench, Ruling};
use crate::sys::{self, Started, Stop};
use crate::tree::{Halt, Running, Tree};

/// Most bytes of arguments in an event.
const MAX_SHOWN: usize = 32 * 1024;

/// How the first program of a tree ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// Why a tree could not be guarded to its end. Nothing of it is left then.
#[derive(Debug, Error)]
pub enum GuardError {
    /// The policy is unusable.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The program could not be started.
    #[error("cannot start {program:?}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The kernel refused to go on.
    #[error("the guard lost its tree")]
    Wait(#[source] io::Error),
}

/// What may be claimed about a tree (`judgment.md` §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Programs are recorded, and a session that means harm could hide some.
    Observed,
    /// The session cannot reach its guard.
    Enforced,
}

/// The level of a tree that this process would guard. Enforcement is claimed only
/// for root over an ordinary user who cannot become root again.
pub fn level(policy: &Policy, account: Option<&Account>) -> Level {
    let above = sys::effective_user() == 0 && account.is_some_and(|account| account.uid != 0);
    if policy.mode == Mode::Enforce && policy.no_new_privileges && above {
        Level::Enforced
    } else {
        Level::Observed
    }
}

/// Runs a program under the guard, on this thread and until the tree has ended.
/// Children of other threads are left alone; children of this thread are not.
///
/// # Errors
/// Where the policy is unusable or the program cannot be started.
pub fn run(policy: &Policy, launch: &Launch, sink: &mut dyn Sink) -> Result<Ending, GuardError> {
    let bench = Bench::new(policy, launch)?;
    let cannot_start = |source| GuardError::Start {
        program: (launch.argv.first())
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        source,
    };
    let privileged = sys::effective_user() == 0;
    let prepared = launch.prepare(policy, privileged).map_err(cannot_start)?;
    let started = sys::start(&prepared).map_err(cannot_start)?;
    let mut supervisor = Supervisor::new(bench, started, launch.kill_rest, sink);
    let ended = supervisor.hold();
    if ended.is_err() {
        supervisor.kill_everybody();
    }
    let ending = ended.map_err(GuardError::Wait)?;
    match supervisor.failure() {
        Some(source) => Err(cannot_start(source)),
        None => Ok(ending),
    }
}

struct Supervisor<'s> {
    bench: Bench,
    digests: Digests,
    tree: Tree,
    first: Started,
    first_loaded: bool,
    kill_rest: bool,
    ending: Option<Ending>,
    sink: &'s mut dyn Sink,
}

impl<'s> Supervisor<'s> {
    fn new(bench: Bench, first: Started, kill_rest: bool, sink: &'s mut dyn Sink) -> Self {
        let mut tree = Tree::default();
        tree.insert(first.pid, Running::line());
        Self {
            bench,
            digests: Digests::default(),
            tree,
            first,
            first_loaded: false,
            kill_rest,
            ending: None,
            sink,
        }
    }

    /// Until no task is left.
    fn hold(&mut self) -> io::Result<Ending> {
        while let Some((task, stop)) = sys::wait()? {
            match stop {
                Stop::Exited(status) => self.ended(task, Ending::Exited(status)),
                Stop::Killed(signal) => self.ended(task, Ending::Killed(signal)),
                // What was in the middle of being born when the rest was killed.
                _ if self.is_over() => sys::kill(task),
                Stop::Signal(signal) => sys::resume(task, signal),
                Stop::Exec => self.loaded(task),
                Stop::NewTask => self.made_task(task),
                Stop::Group => self.halted(task, Halt::Group),
                Stop::Other => self.halted(task, Halt::Start),
            }
        }
        self.ending
            .ok_or_else(|| io::Error::other("the first program vanished"))
    }

    fn is_over(&self) -> bool {
        self.kill_rest && self.ending.is_some()
    }

    fn ended(&mut self, task: i32, ending: Ending) {
        self.tree.remove(task);
        if task == self.first.pid {
            self.ending = Some(ending);
            if self.kill_rest {
                self.kill_everybody();
            }
        }
        for (orphan, halt) in self.tree.adopt_orphans(image::creator) {
            go_on(orphan, halt);
        }
    }

    fn made_task(&mut self, creator: i32) {
        if let Some(task) = sys::message(creator)
            && let Some(halt) = self.tree.born(creator, task)
        {
            go_on(task, halt);
        }
        sys::resume(creator, 0);
    }

    fn halted(&mut self, task: i32, halt: Halt) {
        if self.tree.knows(task) {
            go_on(task, halt);
        } else {
            self.tree.wait_for_creator(task, halt);
        }
    }

    /// The stop that everything is about.
    fn loaded(&mut self, pid: i32) {
        if pid == self.first.pid {
            self.first_loaded = true;
        }
        let former = sys::message(pid).unwrap_or(pid);
        let starter = self.tree.starter(pid, former);
        let with_environment = self.bench.needs_environment();
        let loaded = Loaded::read(pid, &mut self.digests, with_environment);
        if loaded.exe.is_none() && image::is_dead(pid) {
            // Killed by somebody else at this very stop; nothing of it ran.
            return;
        }
        let ruling = self.bench.rule(&loaded, &starter);
        let denied = ruling.verdict == Verdict::Deny;
        if denied {
            sys::kill(pid);
            self.sink.notice(&notice(&loaded, &ruling));
        } else {
            sys::resume(pid, 0);
        }
        self.sink.exec(event(pid, &loaded, &ruling));
        self.tree.insert(pid, ruling.running);
    }

    fn kill_everybody(&self) {
        for task in self.tree.everybody() {
            sys::kill(task);
        }
    }

    /// Why the first program could not be loaded, if so.
    fn failure(&mut self) -> Option<io::Error> {
        if self.first_loaded {
            None
        } else {
            self.first.failure()
        }
    }
}

fn go_on(task: i32, halt: Halt) {
    match halt {
        Halt::Start => sys::resume(task, 0),
        Halt::Group => sys::listen(task),
    }
}

fn notice(loaded: &Loaded, ruling: &Ruling) -> String {
    let reason = ruling.reason.as_deref().unwrap_or("no rule allows it");
    let text = format!("alpamon: denied {}: {reason}", loaded.shown());
    // A program's name must not steer the terminal.
    text.chars()
        .map(|ch| if ch.is_control() { '?' } else { ch })
        .collect()
}

fn event(pid: i32, loaded: &Loaded, ruling: &Ruling) -> Event {
    Event {
        time: Utc::now(),
        pid,
        ppid: loaded.ppid,
        uid: loaded.uid,
        exe: (loaded.exe.as_ref())
            .map(|path| path.to_string_lossy().into_owned())
            .unwrap_or_default(),
        sha256: loaded.sha256.clone(),
        argv: shown_arguments(&loaded.argv),
        cwd: loaded.cwd.to_string_lossy().into_owned(),
        verdict: ruling.verdict,
        rule: ruling.rule.clone(),
        reason: ruling.reason.clone(),
        folded: 0,
    }
}

/// Whole arguments while there is room, then a part of one.
fn shown_arguments(argv: &[Vec<u8>]) -> Vec<String> {
    let mut room = MAX_SHOWN;
    let mut shown = Vec::new();
    for word in argv {
        let part = word.get(..room).unwrap_or(word);
        shown.push(String::from_utf8_lossy(part).into_owned());
        room -= part.len();
        if room == 0 {
            break;
        }
    }
    shown
}
