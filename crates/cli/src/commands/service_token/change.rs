//! `alpacon service-token enable|disable|delete`.

use client::applications;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// The token as APPLICATION/TOKEN, or its id.
    token: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn set_enabled(
    context: &Context,
    token: &str,
    enabled: bool,
) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = applications::token_id(api, token).await?;
        applications::set_token_enabled(api, &id, enabled).await
    })
    .await?;
    let state = if enabled { "enabled" } else { "disabled" };
    message::success(&format!("service token {token} {state}"));
    Ok(())
}

pub(super) async fn delete(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let question = format!("Delete the service token {}?", args.token);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = applications::token_id(api, &args.token).await?;
        applications::delete_token(api, &id).await
    })
    .await?;
    message::success(&format!("service token {} deleted", args.token));
    Ok(())
}
