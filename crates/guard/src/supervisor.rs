//! The loop that holds a tree: every stop of every task comes here.

use std::collections::HashMap;
use std::io;

use chrono::Utc;
use protocol::guard::{Level, Mode, Policy, Program, ProgramEnd, Verdict, floor};
use thiserror::Error;

use crate::control::{Control, Request};
use crate::digest::Digests;
use crate::event::Sink;
use crate::image::{self, Loaded};
use crate::launch::{Account, Launch};
use crate::policy::PolicyError;
use crate::ruling::{Bench, Ruling};
use crate::sys::{self, Started, Stop, Waited};
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

/// A tree that is ready to be started.
pub struct Prepared {
    bench: Bench,
    child: sys::Child,
    kill_rest: bool,
    own_session: bool,
    level: Level,
    floor: Vec<&'static str>,
}

impl Prepared {
    /// Makes everything ready that can be before the first process exists.
    ///
    /// # Errors
    /// Where the policy is unusable or there is no such program.
    pub fn new(policy: &Policy, launch: &Launch) -> Result<Self, GuardError> {
        let bench = Bench::new(policy, launch)?;
        let privileged = sys::effective_user() == 0;
        let child =
            (launch.prepare(policy, privileged)).map_err(|source| cannot_start(launch, source))?;
        let mut floor = Vec::new();
        if child.no_new_privileges {
            floor.push(floor::NO_NEW_PRIVILEGES);
        }
        if child.landlock.is_some() {
            floor.push(floor::LANDLOCK);
        }
        if child.cgroup.as_ref().is_some_and(|group| group.is_bounded) {
            floor.push(floor::CGROUP);
        }
        Ok(Self {
            level: level(policy, launch.account.as_ref(), child.landlock.is_some()),
            bench,
            child,
            kill_rest: launch.kill_rest,
            own_session: launch.own_session,
            floor,
        })
    }

    /// What may be claimed about the tree.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The parts of [`protocol::guard::floor`] that are in force.
    pub fn floor(&self) -> &[&'static str] {
        &self.floor
    }

    /// Runs the tree on this thread until it has ended. Children of other threads are
    /// left alone; children of this thread are not.
    ///
    /// # Errors
    /// Where the first program cannot be started, or the kernel fails.
    pub fn run(self, sink: &mut dyn Sink, control: &Control) -> Result<Ending, GuardError> {
        let program = self.child.program.to_string_lossy().into_owned();
        let cannot_start = |source| GuardError::Start {
            program: program.clone(),
            source,
        };
        // Before the child exists: whoever asks now is heard.
        control.attach();
        let started = sys::start(&self.child).map_err(cannot_start);
        let started = started.inspect_err(|_| control.detach())?;
        sink.launched();
        let mut supervisor = Supervisor::new(self, started, sink, control);
        let ended = supervisor.hold();
        control.detach();
        if ended.is_err() {
            supervisor.kill_everybody();
        }
        let ending = ended.map_err(GuardError::Wait)?;
        match supervisor.failure() {
            Some(source) => Err(cannot_start(source)),
            None => Ok(ending),
        }
    }
}

fn cannot_start(launch: &Launch, source: io::Error) -> GuardError {
    GuardError::Start {
        program: (launch.argv.first())
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        source,
    }
}

/// Enforcement is claimed only for root over an ordinary user who cannot become root
/// again.
fn level(policy: &Policy, account: Option<&Account>, landlock: bool) -> Level {
    let above = sys::effective_user() == 0 && account.is_some_and(|account| account.uid != 0);
    match policy.mode {
        Mode::Enforce | Mode::Hold if policy.no_new_privileges && above => {
            if landlock {
                Level::Confined
            } else {
                Level::Enforced
            }
        }
        Mode::Observe | Mode::Enforce | Mode::Hold => Level::Observed,
    }
}

/// Runs a program under the guard, on this thread and until the tree has ended.
/// Nobody answers about held programs, so they are denied.
///
/// # Errors
/// Where the policy is unusable or the program cannot be started.
pub fn run(policy: &Policy, launch: &Launch, sink: &mut dyn Sink) -> Result<Ending, GuardError> {
    let mut policy = policy.clone();
    if policy.mode == Mode::Hold {
        policy.mode = Mode::Enforce;
    }
    Prepared::new(&policy, launch)?.run(sink, &Control::default())
}

struct Supervisor<'s> {
    prepared: Prepared,
    digests: Digests,
    tree: Tree,
    first: Started,
    first_loaded: bool,
    killing: bool,
    ending: Option<Ending>,
    /// Programs judged so far.
    count: i64,
    /// What each process runs, by the number of its program.
    programs: HashMap<i32, i64>,
    /// Processes frozen at their stop, by the number of their program.
    held: HashMap<i64, (i32, String)>,
    sink: &'s mut dyn Sink,
    control: &'s Control,
}

impl<'s> Supervisor<'s> {
    fn new(
        prepared: Prepared,
        first: Started,
        sink: &'s mut dyn Sink,
        control: &'s Control,
    ) -> Self {
        let mut tree = Tree::default();
        tree.insert(first.pid, Running::line());
        Self {
            prepared,
            digests: Digests::default(),
            tree,
            first,
            first_loaded: false,
            killing: false,
            ending: None,
            count: 0,
            programs: HashMap::new(),
            held: HashMap::new(),
            sink,
            control,
        }
    }

    /// Until no task is left.
    fn hold(&mut self) -> io::Result<Ending> {
        loop {
            while let Some(request) = self.control.take() {
                self.heed(request);
            }
            let (task, stop) = match sys::wait()? {
                Waited::Task(task, stop) => (task, stop),
                Waited::Interrupted => continue,
                Waited::Nobody => break,
            };
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

    fn heed(&mut self, request: Request) {
        match request {
            Request::Kill => {
                self.killing = true;
                self.kill_everybody();
            }
            Request::Answer { seq, allow, by } => self.answered(seq, allow, &by),
        }
    }

    fn answered(&mut self, seq: i64, allow: bool, by: &str) {
        let Some((pid, shown)) = self.held.remove(&seq) else {
            return;
        };
        let verb = if allow { "allowed" } else { "denied" };
        if !allow {
            sys::kill(pid);
        }
        self.sink
            .notice(&printable(&format!("alpamon: {shown} was {verb}: {by}")));
        // Only now, so that its output comes after what is said of it.
        if allow {
            sys::resume(pid, 0);
        }
    }

    fn is_over(&self) -> bool {
        self.killing || self.prepared.kill_rest && self.ending.is_some()
    }

    fn ended(&mut self, task: i32, ending: Ending) {
        self.tree.remove(task);
        if let Some(seq) = self.programs.remove(&task) {
            self.held.remove(&seq);
            self.sink.ended(end_of(seq, Some(ending)));
        }
        if task == self.first.pid {
            self.ending = Some(ending);
            if self.prepared.kill_rest {
                self.kill_everybody();
            } else if self.prepared.own_session {
                self.kill_group(task);
            }
            // What never loaded its program has not ended, it was not started.
            if self.first_loaded {
                self.sink.first_ended(ending);
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
        let with_environment = self.prepared.bench.needs_environment();
        let loaded = Loaded::read(pid, &mut self.digests, with_environment);
        if loaded.exe.is_none() && image::is_dead(pid) {
            // Killed by somebody else at this very stop; nothing of it ran.
            return;
        }
        let ruling = self.prepared.bench.rule(&loaded, &starter);
        self.count += 1;
        let seq = self.count;
        // At once, whatever the telling takes.
        match ruling.verdict {
            Verdict::Allow => sys::resume(pid, 0),
            Verdict::Deny => sys::kill(pid),
            Verdict::Hold => {
                self.held.insert(seq, (pid, loaded.shown()));
            }
        }
        if ruling.verdict != Verdict::Allow {
            self.sink.notice(&notice(&loaded, &ruling));
        }
        if let Some(earlier) = self.programs.insert(pid, seq) {
            self.sink.ended(end_of(earlier, None));
        }
        self.sink.exec(event(seq, pid, &loaded, &ruling));
        self.tree.insert(pid, ruling.running);
    }

    /// What is left of the process group that the first program led. All of them are
    /// ours and not collected, so no number is somebody else's by now.
    fn kill_group(&self, leader: i32) {
        for task in self.tree.everybody() {
            if sys::process_group(task) == Some(leader) {
                sys::kill(task);
            }
        }
    }

    fn kill_everybody(&self) {
        if let Some(cgroup) = &self.prepared.child.cgroup {
            cgroup.kill();
        }
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
    let shown = loaded.shown();
    printable(&match ruling.verdict {
        Verdict::Hold => format!("alpamon: {shown} waits for an answer: {reason}"),
        Verdict::Allow | Verdict::Deny => format!("alpamon: denied {shown}: {reason}"),
    })
}

/// A program's name must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|ch| if ch.is_control() { '?' } else { ch })
        .collect()
}

fn end_of(seq: i64, ending: Option<Ending>) -> ProgramEnd {
    let (exit_code, signal) = match ending {
        Some(Ending::Exited(status)) => (Some(status), None),
        Some(Ending::Killed(signal)) => (None, Some(signal)),
        None => (None, None),
    };
    ProgramEnd {
        seq,
        time: Utc::now(),
        exit_code,
        signal,
    }
}

fn event(seq: i64, pid: i32, loaded: &Loaded, ruling: &Ruling) -> Program {
    Program {
        seq,
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
        end: None,
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
