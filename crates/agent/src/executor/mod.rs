//! Running `system` commands (`agent-control.md` §12).

mod account;
mod environment;
mod guarded;
mod line;
mod output;
mod process;
mod program;
mod stop;

use std::ffi::CString;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use protocol::agent::Fin;
use protocol::guard::Policy;
use rustix::process::Rlimit;
use tokio::sync::mpsc;

pub(crate) use self::account::AccountError;
pub(crate) use self::account::{Account, Own, resolve as resolve_account};
pub(crate) use self::environment::Environment;
use self::guarded::Followed;
pub(crate) use self::guarded::{Answer, Supervised, Supervisors};
use self::output::Output;
use self::process::Ended;
use self::program::{Program, ProgramError};
pub(crate) use self::stop::{Stop, StopSignals};
use crate::auth_socket::{Owner, Tracker};
use crate::guard::frame::{self, End, Spec};
use crate::orders::Job;
use crate::reporter::Reporter;
use crate::sys::{self, ChildSetup};

/// One process may run this long.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// Directory services may take this long to answer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);

/// Exit code of what the agent itself refuses or cannot start.
pub(crate) const FAILURE: i64 = 1;
/// Exit code after a timeout.
pub(crate) const TIMED_OUT: i64 = 124;
const NOT_EXECUTABLE: i64 = 126;
const NOT_FOUND: i64 = 127;
/// Exit code of what a signal ended.
const SIGNALLED: i64 = -1;

/// Runs commands on this machine.
#[derive(Clone)]
pub(crate) struct Executor {
    reporter: Reporter,
    own: Own,
    /// The limit that children get back.
    open_files: Option<Rlimit>,
    tracker: Tracker,
    /// Absent where this machine lets us hold no tree.
    supervisors: Option<Supervisors>,
}

/// What became of a command.
pub(crate) enum Run {
    /// It ended so. What its programs left behind is still guarded, if anything is.
    Ended(Fin, Option<Box<Remains>>),
    /// We end, and it goes on.
    Left,
}

/// The supervisor of a command that has ended; item `n` of it says so.
pub(crate) struct Remains {
    supervised: Supervised,
    n: u64,
    reporter: Reporter,
    stop: StopSignals,
}

impl Remains {
    /// The command's end has been reported. Returns when nothing is left of it.
    pub(crate) async fn reported(self) {
        (self.supervised)
            .settle(self.n, self.reporter, self.stop)
            .await;
    }
}

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("the working directory {0} cannot be used: {1}")]
    Directory(String, std::io::Error),
    #[error("cannot start {program}: {source}")]
    Spawn {
        program: String,
        source: std::io::Error,
    },
    #[error("cannot start the exec guard: {0}")]
    Supervisor(std::io::Error),
    #[error("cannot start the program: {0}")]
    Kernel(std::io::Error),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Invalid(&'static str),
}

/// How the programs of a command end it.
struct Outcome {
    exit_code: i64,
    /// A line for the user, after the output.
    note: Option<String>,
}

impl Executor {
    /// An executor for an agent running as `own`.
    #[must_use]
    pub(crate) fn new(
        reporter: Reporter,
        own: Own,
        open_files: Option<Rlimit>,
        tracker: Tracker,
        supervisors: Option<Supervisors>,
    ) -> Self {
        Self {
            reporter,
            own,
            open_files,
            tracker,
            supervisors,
        }
    }

    /// Whether orders may ask for the exec guard.
    #[must_use]
    pub(crate) fn can_guard(&self) -> bool {
        self.supervisors.is_some()
    }

    /// Runs `job` to its end, streaming its output. `answers` is told where answers
    /// about held programs go.
    pub(crate) async fn run(
        &self,
        job: &Job,
        stop: &StopSignals,
        answers: impl FnOnce(mpsc::Sender<Answer>),
    ) -> Run {
        let started = Instant::now();
        let mut output = Output::new(self.reporter.clone(), job.id.clone());
        let failure = if let (Some(policy), Some(supervisors)) = (&job.guard, &self.supervisors)
            && Supervisors::can_hold(policy)
        {
            match self.spec(job, policy).await {
                Ok(spec) => match supervisors.start(spec).await {
                    Ok(supervised) => {
                        answers(supervised.answers());
                        let direct = job.argv.is_some();
                        return self.follow(supervised, output, stop, direct, started).await;
                    }
                    Err(source) => StartError::Supervisor(source),
                },
                Err(error) => error,
            }
        } else {
            match self.attempt(job, stop, &mut output).await {
                Ok(outcome) => return Run::Ended(finish(outcome, output, started).await, None),
                Err(error) => error,
            }
        };
        tracing::warn!(command = job.id, error = %failure, "a command did not start");
        let fin = failed_start(&failure, job.argv.is_some(), output, started).await;
        Run::Ended(fin, None)
    }

    /// Goes on with a command that an earlier process of this agent started. Its
    /// output from before has been reported, and is not part of the result.
    pub(crate) async fn resume(&self, supervised: Supervised, stop: &StopSignals) -> Run {
        let output = Output::new(self.reporter.clone(), supervised.command.clone());
        let started = Instant::now();
        (self.follow(supervised, output, stop, true, started)).await
    }

    async fn follow(
        &self,
        mut supervised: Supervised,
        mut output: Output,
        stop: &StopSignals,
        direct: bool,
        started: Instant,
    ) -> Run {
        let (outcome, n) = match supervised.follow(&self.reporter, &mut output, stop).await {
            Followed::Left => return Run::Left,
            Followed::Done(outcome, n) => (outcome, n),
            Followed::Lost => {
                supervised.forget();
                let outcome = Outcome {
                    exit_code: SIGNALLED,
                    note: Some("its guard was killed, and all its programs with it".to_owned()),
                };
                return Run::Ended(finish(outcome, output, started).await, None);
            }
        };
        let elapsed = Duration::from_millis(outcome.elapsed_ms);
        let mut fin = match Outcome::of_guarded(&outcome, elapsed) {
            Ok(outcome) => finish(outcome, output, started).await,
            Err(error) => failed_start(&error, direct, output, started).await,
        };
        fin.elapsed_time = elapsed.as_secs_f64();
        let remains = Box::new(Remains {
            supervised,
            n,
            reporter: self.reporter.clone(),
            stop: stop.clone(),
        });
        Run::Ended(fin, Some(remains))
    }

    /// Everything that the supervisor of `job` has to know.
    async fn spec(&self, job: &Job, policy: &Policy) -> Result<Spec, StartError> {
        let account = self.account(&job.user, &job.group).await?;
        let environment = Environment::for_account(&account, &job.env);
        let program = match &job.argv {
            Some(argv) => Program::new(argv, &environment)?,
            None => Program::shell(&job.line),
        };
        let directory = directory(&environment)?;
        let left = |end: Instant| {
            let left = end.saturating_duration_since(Instant::now());
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
        };
        Ok(Spec {
            command: job.id.clone(),
            policy: policy.clone(),
            program: program.path.to_string_lossy().into_owned(),
            argv: [program.name]
                .into_iter()
                .chain(program.arguments)
                .collect(),
            env: environment
                .variables()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            directory,
            or_root_directory: !environment.home_was_given(),
            account: account.credentials.map(|who| {
                let groups = who.groups.iter().map(|group| group.as_raw()).collect();
                (who.uid.as_raw(), who.gid.as_raw(), groups)
            }),
            open_files: self.open_files.map(|limit| {
                let number = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
                (number(limit.current), number(limit.maximum))
            }),
            authority_ends_in_ms: job.authority_ends.map(left),
            deadline_in_ms: u64::try_from(PROCESS_TIMEOUT.as_millis()).unwrap_or(u64::MAX),
        })
    }

    async fn attempt(
        &self,
        job: &Job,
        stop: &StopSignals,
        output: &mut Output,
    ) -> Result<Outcome, StartError> {
        let account = self.account(&job.user, &job.group).await?;
        let environment = Environment::for_account(&account, &job.env);
        if let Some(argv) = &job.argv {
            let program = Program::new(argv, &environment)?;
            return self
                .process(&program, &account, &environment, stop, output)
                .await;
        }
        if job.through_shell {
            let program = Program::shell(&job.line);
            return self
                .process(&program, &account, &environment, stop, output)
                .await;
        }
        self.line_mode(&job.line, &account, &environment, stop, output)
            .await
    }

    async fn line_mode(
        &self,
        line: &str,
        account: &Account,
        environment: &Environment,
        stop: &StopSignals,
        output: &mut Output,
    ) -> Result<Outcome, StartError> {
        let segments = line::split(line);
        let mut last = None;
        for segment in &segments {
            let words = environment.substitute(&segment.words);
            let program = Program::new(&words, environment)?;
            let outcome = self
                .process(&program, account, environment, stop, output)
                .await?;
            let goes_on = segment.continues_after(outcome.exit_code);
            let stopped = outcome.note.is_some();
            last = Some(outcome);
            if !goes_on || stopped {
                break;
            }
        }
        last.ok_or(StartError::Invalid("the command line is empty"))
    }

    async fn process(
        &self,
        program: &Program,
        account: &Account,
        environment: &Environment,
        stop: &StopSignals,
        output: &mut Output,
    ) -> Result<Outcome, StartError> {
        let directory = CString::new(directory(environment)?)
            .map_err(|_| StartError::Invalid("the working directory contains a NUL byte"))?;
        let mut command = std::process::Command::new(&program.path);
        command
            .arg0(&program.name)
            .args(&program.arguments)
            .env_clear()
            .envs(environment.variables());
        let setup = ChildSetup {
            credentials: account.credentials.clone(),
            directory,
            or_root_directory: !environment.home_was_given(),
            open_files: self.open_files,
        };
        sys::prepare(&mut command, setup);
        let owner = Owner::Command(output.command().to_owned());
        let track = |leader| self.tracker.track(leader, owner);
        let stop = stop.with_timeout(PROCESS_TIMEOUT);
        let ended = process::run(command, output, &stop, track)
            .await
            .map_err(|source| StartError::Spawn {
                program: program.name.clone(),
                source,
            })?;
        Ok(Outcome::of(&ended))
    }

    /// Name services may block, so they are asked on another thread.
    async fn account(&self, user: &str, group: &str) -> Result<Account, StartError> {
        let (own, user, group) = (self.own.clone(), user.to_owned(), group.to_owned());
        let lookup = tokio::task::spawn_blocking(move || account::resolve(&user, &group, &own));
        match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
            Ok(Ok(account)) => Ok(account?),
            Ok(Err(_)) => Err(StartError::Invalid("looking up the account failed")),
            Err(_) => Err(StartError::Invalid(
                "looking up the account took too long; check the directory service of this machine",
            )),
        }
    }
}

impl Outcome {
    fn of(ended: &Ended) -> Self {
        let exit_code = ended.status.code().map_or(SIGNALLED, i64::from);
        Self::new(exit_code, ended.stopped, ended.elapsed)
    }

    fn of_guarded(outcome: &frame::Outcome, elapsed: Duration) -> Result<Self, StartError> {
        let exit_code = match &outcome.end {
            End::Exited { status } => i64::from(*status),
            End::Killed { .. } => SIGNALLED,
            End::NotStarted { errno, message } => {
                return Err(match errno {
                    Some(errno) => StartError::Kernel(std::io::Error::from_raw_os_error(*errno)),
                    None => StartError::Refused(message.clone()),
                });
            }
        };
        Ok(Self::new(exit_code, outcome.stopped, elapsed))
    }

    fn new(exit_code: i64, stopped: Option<Stop>, elapsed: Duration) -> Self {
        let Some(stop) = stopped else {
            return Self {
                exit_code,
                note: None,
            };
        };
        let seconds = elapsed.as_secs();
        let (exit_code, note) = match stop {
            Stop::TimedOut => (TIMED_OUT, format!("timed out after {seconds} seconds")),
            Stop::AuthorityEnded => (
                SIGNALLED,
                format!("stopped after {seconds} seconds: the work session has ended"),
            ),
            Stop::Cancelled => (SIGNALLED, format!("cancelled after {seconds} seconds")),
            Stop::AgentStopping => (
                SIGNALLED,
                format!("stopped after {seconds} seconds: the agent is shutting down"),
            ),
        };
        Self {
            exit_code,
            note: Some(note),
        }
    }
}

/// The working directory, which has to exist where the order itself named it.
fn directory(environment: &Environment) -> Result<String, StartError> {
    let home = environment.home();
    if environment.home_was_given()
        && let Err(error) = std::fs::metadata(home)
    {
        return Err(StartError::Directory(home.to_owned(), error));
    }
    Ok(home.to_owned())
}

async fn finish(outcome: Outcome, mut output: Output, started: Instant) -> Fin {
    output.flush().await;
    let mut result = output.captured();
    if let Some(note) = outcome.note {
        let line = format!("alpamon: {note}\n");
        output.say(&line).await;
        if !result.is_empty() {
            result.push_str("\n\n");
        }
        result.push_str(&line);
    }
    Fin {
        success: outcome.exit_code == 0,
        result,
        elapsed_time: started.elapsed().as_secs_f64(),
        exit_code: outcome.exit_code,
        chunks: Some(output.chunks()),
    }
}

async fn failed_start(
    error: &StartError,
    direct: bool,
    mut output: Output,
    started: Instant,
) -> Fin {
    output.say(&format!("alpamon: {error}\n")).await;
    let earlier = output.captured();
    Fin {
        success: false,
        result: format!("{earlier}{error}\n"),
        elapsed_time: started.elapsed().as_secs_f64(),
        exit_code: error.exit_code(direct),
        chunks: Some(output.chunks()),
    }
}

impl StartError {
    /// A directly executed command fails as a shell would report it; the public
    /// protocol's line mode knows only 1.
    fn exit_code(&self, direct: bool) -> i64 {
        use std::io::ErrorKind;
        match self {
            _ if !direct => FAILURE,
            Self::Program(ProgramError::NotFound(_)) => NOT_FOUND,
            Self::Program(ProgramError::NotExecutable(_)) => NOT_EXECUTABLE,
            Self::Spawn { source, .. } | Self::Kernel(source) => match source.kind() {
                ErrorKind::NotFound => NOT_FOUND,
                ErrorKind::PermissionDenied | ErrorKind::IsADirectory => NOT_EXECUTABLE,
                _ if source.raw_os_error() == Some(libc::ENOEXEC) => NOT_EXECUTABLE,
                _ => FAILURE,
            },
            _ => FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn outcome(raw_status: i32, stopped: Option<Stop>) -> Outcome {
        Outcome::of(&Ended {
            status: ExitStatus::from_raw(raw_status),
            stopped,
            elapsed: Duration::from_millis(2_900),
        })
    }

    #[test]
    fn exit_codes_are_the_documented_ones() {
        assert_eq!(outcome(3 << 8, None).exit_code, 3);
        assert_eq!(outcome(9, None).exit_code, -1);
        let late = outcome(9, Some(Stop::TimedOut));
        assert_eq!(late.exit_code, 124);
        assert_eq!(late.note.as_deref(), Some("timed out after 2 seconds"));
        assert_eq!(outcome(9, Some(Stop::Cancelled)).exit_code, -1);
    }

    #[test]
    fn only_direct_execution_has_the_codes_of_a_shell() {
        let missing = StartError::Program(ProgramError::NotFound("x".into()));
        assert_eq!(missing.exit_code(true), 127);
        assert_eq!(missing.exit_code(false), 1);
        let denied = StartError::Spawn {
            program: "x".into(),
            source: std::io::ErrorKind::PermissionDenied.into(),
        };
        assert_eq!(denied.exit_code(true), 126);
        assert_eq!(StartError::Invalid("x").exit_code(true), 1);
    }
}
