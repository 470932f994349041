//! The command that a tunnel is open for.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use super::Interrupts;
use super::report::Statistics;
use crate::error::{CliError, Failure};
use crate::output::message;

/// Exit status of a shell's Ctrl-C.
pub(super) const INTERRUPTED: u8 = 130;
/// After a signal of the user, the command has this long to end.
const GRACE: Duration = Duration::from_secs(5);
/// What the command has sent and not seen arrive has this long to do so.
const DRAIN: Duration = Duration::from_secs(3);
/// After the loss of the tunnel.
const LOST_GRACE: Duration = Duration::from_secs(3);

/// The command, running.
pub(super) struct Child(tokio::process::Child);

impl Child {
    /// Starts it with our standard streams and environment.
    pub(super) fn start(program: &OsStr, words: &[OsString]) -> Result<Self, CliError> {
        let child = Command::new(program)
            .args(words)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                CliError::refusal(format!("cannot run {}: {error}", program.display()))
            })?;
        Ok(Self(child))
    }

    /// Waits for the command's end while `tunnel` goes on. Its exit status is ours.
    pub(super) async fn accompany(
        mut self,
        tunnel: impl Future<Output = Option<Failure>>,
        statistics: &Statistics,
        interrupts: &mut Interrupts,
    ) -> Result<(), Failure> {
        tokio::pin!(tunnel);
        let mut asked = false;
        let mut deadline = None;
        loop {
            let grace = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                status = self.0.wait() => {
                    let _cut_off = tokio::time::timeout(DRAIN, async {
                        tokio::select! {
                            // First, so that what waits for us is taken.
                            biased;
                            _lost = &mut tunnel => {}
                            () = drained(statistics) => {}
                        }
                    })
                    .await;
                    return ended(&status);
                }
                failure = &mut tunnel => {
                    return self.after_loss(failure).await;
                }
                signal = interrupts.next() => {
                    if asked {
                        return self.kill().await;
                    }
                    asked = true;
                    deadline = Some(tokio::time::Instant::now() + GRACE);
                    self.pass_on(signal);
                }
                () = grace => return self.kill().await,
            }
        }
    }

    /// Passes a signal on. What a terminal sends, the command has got already.
    fn pass_on(&self, signal: Signal) {
        if signal == Signal::INT && std::io::stdin().is_terminal() {
            return;
        }
        self.signal(signal);
    }

    fn signal(&self, signal: Signal) {
        let id = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw) {
            // It may have ended this moment.
            let _gone = kill_process(pid, signal);
        }
    }

    async fn kill(mut self) -> Result<(), Failure> {
        // It may have ended this moment.
        let _gone = self.0.start_kill();
        ended(&self.0.wait().await)
    }

    /// The tunnel is lost for good: without it the command is of no use.
    async fn after_loss(mut self, failure: Option<Failure>) -> Result<(), Failure> {
        message::warning("the tunnel is lost; the command is stopped");
        self.signal(Signal::INT);
        let status = match tokio::time::timeout(LOST_GRACE, self.0.wait()).await {
            Ok(status) => ended(&status),
            Err(_) => self.kill().await,
        };
        match (failure, status) {
            // A refusal of the gate says what to do; that is worth more than the
            // status of a command that was stopped.
            (Some(Failure::Gate(denial)), _) => Err(Failure::Gate(denial)),
            (_, Err(status)) => Err(status),
            (Some(failure), Ok(())) => Err(failure),
            (None, Ok(())) => Err(CliError::refusal("tunnel connection lost").into()),
        }
    }
}

/// Waits until the connections of a command that has ended are done.
async fn drained(statistics: &Statistics) {
    // The last one may not have been seen yet.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    statistics.idle().await;
}

/// The command's exit status as ours; killed by a signal: 1.
fn ended(status: &std::io::Result<ExitStatus>) -> Result<(), Failure> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Err(Failure::Status(code.unwrap_or(1)))
        }
        Err(error) => {
            Err(CliError::refusal(format!("cannot wait for the command: {error}")).into())
        }
    }
}
