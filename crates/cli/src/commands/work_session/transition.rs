//! `alpacon work-session activate|complete|revoke|cancel|approve|reject SESSION_ID`.

use client::work_sessions::{self, Action};

use super::mutation::Mutation;
use crate::commands::approval;
use crate::context::Context;
use crate::error::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct ApproveArgs {
    /// The session to grant.
    session_id: String,
}

pub(super) async fn approve(context: &Context, args: ApproveArgs) -> Result<(), Failure> {
    run(context, &args.session_id, Action::Approve).await
}

pub(super) async fn run(context: &Context, id: &str, action: Action) -> Result<(), Failure> {
    let session = context.connect().await?;
    let result = work_sessions::act(&session.api, id, action).await;
    match action {
        // The server decides by policy whether a command line may decide.
        Action::Approve | Action::Reject => result.map_err(approval::refused)?,
        _ => result?,
    }
    let (operation, status) = outcome(action);
    Mutation::new(operation, format!("work session {id} {status}"))
        .of(id)
        .status(status)
        .report(context.format);
    Ok(())
}

fn outcome(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Activate => ("activate", "active"),
        Action::Complete => ("complete", "completed"),
        Action::Revoke => ("revoke", "revoked"),
        Action::Cancel => ("cancel", "cancelled"),
        Action::Approve => ("approve", "approved"),
        Action::Reject => ("reject", "rejected"),
    }
}
