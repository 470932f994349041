//! `alpacon exec logs JOB_ID` (`cli-core.md` §8.10).

use client::commands::{self, Command};
use protocol::command::Status;
use uuid::Uuid;

use super::denial;
use super::outcome;
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};
use crate::gate::Denial;
use crate::output::{self, message};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id that `exec --detach` printed.
    #[arg(value_parser = job_id)]
    job_id: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let command = commands::get(&session.api, &args.job_id)
        .await
        .map_err(|error| refusal(&session, error))?;
    match command.state() {
        Some(Status::AwaitingApproval) => Err(outcome::held(&command).into()),
        Some(Status::Rejected) => Err(outcome::rejected(&args.job_id).into()),
        Some(state) if state.is_running() => {
            message::info(&format!(
                "the command is still running (status={}); try again later",
                command.status
            ));
            Ok(())
        }
        Some(Status::Stuck | Status::Error | Status::Cancelled) => {
            Err(outcome::broken(&command.status, command.error_phase.as_deref()).into())
        }
        _ => {
            show_output(&session, &command).await;
            ended(&command)
        }
    }
}

/// Unlike a live run, `failed` without an outcome counts as a failure here.
fn ended(command: &Command) -> Result<(), Failure> {
    let phase = command
        .error_phase
        .as_deref()
        .filter(|phase| !phase.is_empty());
    match (command.state(), command.success) {
        (_, Some(false)) => {
            let status = command.exit_code.unwrap_or(1).rem_euclid(256);
            let status = u8::try_from(status).ok().filter(|status| *status != 0);
            outcome::ended(status.unwrap_or(1), phase)
        }
        (_, Some(true)) | (Some(Status::Completed | Status::Success), None) => Ok(()),
        (Some(Status::Failed), None) => outcome::ended(1, phase),
        _ => Err(CliError::refusal(format!(
            "unrecognised status {:?}; the command may still be running",
            command.status
        ))
        .into()),
    }
}

/// The chunks, or `result` where there are none.
async fn show_output(session: &Session, command: &Command) {
    let chunks = commands::chunks(&session.api, &command.id, 0, None)
        .await
        .unwrap_or_default();
    let text = if chunks.is_empty() {
        command.result.clone()
    } else {
        chunks.into_iter().map(|chunk| chunk.content).collect()
    };
    if text.is_empty() {
        return;
    }
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    output::stdout(&format!("{text}{newline}"));
}

fn refusal(session: &Session, error: client::Error) -> Failure {
    if Denial::covers(error.code()) {
        return denial(session, None, None, &error).into();
    }
    error.into()
}

/// clap: a UUID, with or without dashes.
fn job_id(text: &str) -> Result<String, String> {
    let has_form = matches!(text.len(), 32 | 36);
    match Uuid::parse_str(text) {
        Ok(_) if has_form => Ok(text.to_owned()),
        _ => Err("must be a UUID".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_are_uuids() {
        assert!(job_id("0190b6a4-7d6e-7cc0-8f00-000000000001").is_ok());
        assert!(job_id("0190b6a47d6e7cc08f00000000000001").is_ok());
        for text in ["", "c1", "{0190b6a4-7d6e-7cc0-8f00-000000000001}"] {
            assert!(job_id(text).is_err(), "{text}");
        }
    }
}
