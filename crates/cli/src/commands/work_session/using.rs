//! `alpacon work-session use SESSION_ID` and `use --unset`.

use client::work_sessions::{self, WorkSession};
use protocol::work_session::Status;

use super::mutation::Mutation;
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session to use.
    session_id: Option<String>,
    /// Use none any more.
    #[arg(long)]
    unset: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    match (args.session_id, args.unset) {
        (Some(_), true) => Err(CliError::usage("give either SESSION_ID or --unset")
            .during("unset")
            .into()),
        (None, false) => Err(CliError::usage("SESSION_ID is required").into()),
        (None, true) => unset(context).map_err(during_unset),
        (Some(id), false) => {
            let session = context.connect().await?;
            let used = attach(&session, &id).await?;
            let message = match used.description.as_str() {
                "" => format!("using work session {}", used.id),
                description => format!("using work session {}: {description}", used.id),
            };
            Mutation::new("use", message)
                .session(&used)
                .attached(Some(&used.id))
                .report(context.format);
            Ok(())
        }
    }
}

/// Stores an active session of a person as the one in use.
pub(super) async fn attach(session: &Session, id: &str) -> Result<WorkSession, CliError> {
    let found = work_sessions::get(&session.api, id).await?;
    if found.state() != Some(Status::Active) {
        return Err(CliError::refusal(format!(
            "work session {id} is {}, not active",
            found.status
        )));
    }
    if found.is_for_agent() {
        return Err(CliError::refusal(format!(
            "work session {id} is for an agent; pass --work-session {id} instead"
        )));
    }
    if session.config.workspace_name.is_empty() {
        return Err(CliError::refusal(
            "the stored login names no workspace; log in again",
        ));
    }
    session.store.set_active_work_session(Some(&found.id))?;
    Ok(found)
}

fn unset(context: &Context) -> Result<(), Failure> {
    if context.store.load()?.is_some() {
        context.store.set_active_work_session(None)?;
    }
    Mutation::new("unset", "no work session is in use").report(context.format);
    Ok(())
}

fn during_unset(failure: Failure) -> Failure {
    match failure {
        Failure::Error(error) => error.during("unset").into(),
        other => other,
    }
}
