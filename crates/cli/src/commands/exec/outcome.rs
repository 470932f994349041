//! From the end of a command to the exit status (`cli-core.md` §8.4).

use client::commands::Command;
use client::exec::Outcome;
use protocol::command::{Status, phase};

use super::attempt::Plan;
use super::observer::Printer;
use super::sudo::{self, Code, Denials};
use crate::envelope::Action;
use crate::error::{CliError, Failure, Kind};
use crate::output::{Format, message};
use crate::pending::Pending;

/// How a command ended for the caller.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It ran; its own exit status.
    Ran { status: u8, phase: Option<String> },
    /// It failed because sudo was denied.
    Denied(Denied),
    /// It waits for a decision.
    Held(Box<Command>),
    /// A reviewer or the agent refused it.
    Rejected,
    /// It could not be carried out.
    Broken {
        status: String,
        phase: Option<String>,
    },
    /// A state we do not know.
    Unknown(String),
    /// The server stopped reporting it as running.
    TimedOut(String),
}

/// A failed command with sudo denials in its output.
#[derive(Debug)]
pub(super) struct Denied {
    denials: Denials,
    status: u8,
    phase: Option<String>,
}

impl Denied {
    pub(super) fn is_pending(&self) -> bool {
        self.denials.is_pending()
    }
}

impl Verdict {
    pub(super) fn needs_presence(&self) -> bool {
        matches!(self, Self::Denied(denied) if denied.denials.has_presence())
    }
}

/// `seen`: codes that were in the output.
pub(super) fn judge(outcome: Outcome, seen: &[Code]) -> Verdict {
    let command = match outcome {
        Outcome::Held(command) => return Verdict::Held(command),
        Outcome::TimedOut { id } => return Verdict::TimedOut(id),
        Outcome::Ended(command) => command,
    };
    let phase = command
        .error_phase
        .clone()
        .filter(|phase| !phase.is_empty());
    match command.state() {
        Some(Status::Completed | Status::Success | Status::Failed) => {
            let status = exit_status(&command);
            let mut codes = seen.to_vec();
            codes.extend(sudo::find(&command.result));
            match Denials::new(codes) {
                Some(denials) if command.success == Some(false) => Verdict::Denied(Denied {
                    denials,
                    status,
                    phase,
                }),
                _ => Verdict::Ran { status, phase },
            }
        }
        Some(Status::Rejected) => Verdict::Rejected,
        Some(Status::AwaitingApproval) => Verdict::Held(command),
        Some(Status::Stuck | Status::Error | Status::Cancelled) => Verdict::Broken {
            status: command.status,
            phase,
        },
        _ => Verdict::Unknown(command.status),
    }
}

/// Only `success: false` is a failure; its status may be missing or not fit a byte.
fn exit_status(command: &Command) -> u8 {
    if command.success != Some(false) {
        return 0;
    }
    let code = command.exit_code.unwrap_or(1);
    match u8::try_from(code.rem_euclid(256)) {
        Ok(0) | Err(_) => 1,
        Ok(status) => status,
    }
}

/// `[phase] description`, for people and for parsers.
pub(super) fn phase_line(phase: &str) -> String {
    let description = match phase {
        phase::AGENT_DISCONNECTED => "the agent never acknowledged the command",
        phase::AGENT_TIMEOUT => "the agent acknowledged the command but sent no result in time",
        phase::REMOTE_COMMAND_EXCEEDED_TIMEOUT => "the command ran longer than the host allows",
        phase::CLIENT_TIMEOUT => {
            "the server stopped reporting the command as running; it may still be"
        }
        other => other,
    };
    format!("[{phase}] {description}")
}

/// Says what is to be said and ends with the right status.
pub(super) fn finish(plan: &Plan, verdict: Verdict, mut printer: Printer) -> Result<(), Failure> {
    let is_pending = match &verdict {
        Verdict::Held(_) => true,
        Verdict::Denied(denied) => denied.is_pending(),
        _ => false,
    };
    printer.stop_waiting();
    // Programs get the signal instead of the output.
    if !(is_pending && plan.request.format == Format::Json) {
        printer.flush();
    }
    match verdict {
        Verdict::Ran { status, phase } => ended(status, phase.as_deref()),
        Verdict::Denied(denied) if denied.is_pending() => {
            if let Some(hint) = denied.denials.pending_hint() {
                message::hint(hint);
            }
            let mut retry = Action::command(sudo::retry_command(plan));
            if !plan.request.env.is_empty() {
                retry = retry.described("values of --env are read from the shell again");
            }
            Err(Pending::new(
                "sudo waits for the approval of a person in the Alpacon console (web or Slack); \
                 run the command again after the approval, or pass --wait to block",
                Some(retry),
            )
            .into())
        }
        Verdict::Denied(denied) => {
            let result = ended(denied.status, denied.phase.as_deref());
            message::hint(&denied.denials.hint());
            result
        }
        Verdict::Held(command) => Err(held(&command).into()),
        Verdict::Rejected => Err(rejected(&plan.request.server).into()),
        Verdict::Broken { status, phase } => Err(broken(&status, phase.as_deref()).into()),
        Verdict::Unknown(status) => Err(CliError::refusal(format!(
            "unexpected status {status:?}; the command may still be running"
        ))
        .into()),
        Verdict::TimedOut(id) => Err(CliError::refusal(format!(
            "{}; see `alpacon exec logs {id}`",
            phase_line(phase::CLIENT_TIMEOUT)
        ))
        .into()),
    }
}

/// The command's own status is ours.
pub(super) fn ended(status: u8, phase: Option<&str>) -> Result<(), Failure> {
    if status == 0 {
        return Ok(());
    }
    if let Some(phase) = phase {
        message::error(&phase_line(phase));
    }
    Err(Failure::Status(status))
}

/// The command runs by itself once it is approved.
pub(super) fn held(command: &Command) -> Pending {
    let retry = Action::command(format!("alpacon exec logs {}", command.id))
        .described("after approval: the command runs by itself");
    Pending {
        request_id: command.approval_request_id.clone(),
        ..Pending::new(
            format!(
                "command {} waits for the approval of a person in the Alpacon console (web or \
                 Slack); pass --wait to block until then",
                command.id
            ),
            Some(retry),
        )
    }
}

pub(super) fn rejected(what: &str) -> CliError {
    CliError::new(
        Kind::NotGranted,
        format!("{what}: the command was rejected; do not ask again without a change"),
    )
    .during("command")
}

pub(super) fn broken(status: &str, phase: Option<&str>) -> CliError {
    CliError::refusal(match phase {
        Some(phase) => format!("{} (status={status})", phase_line(phase)),
        None => format!("the command could not be carried out (status={status})"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(status: &str, success: Option<bool>, exit_code: Option<i64>) -> Outcome {
        Outcome::Ended(Box::new(Command {
            status: status.to_owned(),
            success,
            exit_code,
            ..Command::default()
        }))
    }

    fn status(outcome: Outcome) -> u8 {
        match judge(outcome, &[]) {
            Verdict::Ran { status, .. } => status,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_remote_status_is_passed_through() {
        assert_eq!(status(command("completed", Some(true), Some(0))), 0);
        assert_eq!(status(command("failed", None, Some(7))), 0);
        assert_eq!(status(command("failed", Some(false), Some(7))), 7);
        assert_eq!(status(command("failed", Some(false), None)), 1);
        assert_eq!(status(command("failed", Some(false), Some(0))), 1);
        assert_eq!(status(command("failed", Some(false), Some(-1))), 255);
        assert_eq!(status(command("failed", Some(false), Some(256))), 1);
    }

    #[test]
    fn other_ends_are_told_apart() {
        let verdict = |status: &str| judge(command(status, None, None), &[]);
        assert!(matches!(verdict("rejected"), Verdict::Rejected));
        assert!(matches!(verdict("stuck"), Verdict::Broken { .. }));
        assert!(matches!(verdict("cancelled"), Verdict::Broken { .. }));
        assert!(matches!(verdict("awaiting_approval"), Verdict::Held(_)));
        assert!(matches!(verdict("levitating"), Verdict::Unknown(_)));
    }

    #[test]
    fn a_denial_needs_the_line_and_a_failure() {
        let with = |success| {
            Outcome::Ended(Box::new(Command {
                status: "failed".to_owned(),
                success: Some(success),
                exit_code: Some(1),
                result: "Alpacon denied this sudo command (SUDO_PRESENCE_REQUIRED).".to_owned(),
                ..Command::default()
            }))
        };
        assert!(judge(with(false), &[]).needs_presence());
        assert!(matches!(
            judge(with(true), &[]),
            Verdict::Ran { status: 0, .. }
        ));
    }

    #[test]
    fn phases_can_be_parsed() {
        assert_eq!(
            phase_line("agent_disconnected"),
            "[agent_disconnected] the agent never acknowledged the command"
        );
        assert_eq!(phase_line("new_phase"), "[new_phase] new_phase");
    }
}
