//! `alpacon user mfa USER` and `alpacon user reset-mfa USER`.

use client::users;

use crate::commands::{challenge, privilege};
use crate::context::Context;
use crate::error::Failure;
use crate::output::{detail, message};
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct ResetArgs {
    /// Username.
    user: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn show(context: &Context, user: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = users::id_by_username(&session.api, user).await?;
    let body = users::mfa(&session.api, &id).await?;
    detail::print(&body, context.format);
    Ok(())
}

pub(super) async fn reset(context: &Context, args: &ResetArgs) -> Result<(), Failure> {
    let question = format!(
        "Remove all second factors of {} and end their logins?",
        args.user
    );
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    privilege::staff(&session, "remove second factors").await?;
    challenge::curing(&mut session, async |api| {
        let id = users::id_by_username(api, &args.user).await?;
        users::reset_mfa(api, &id).await
    })
    .await?;
    message::success(&format!(
        "second factors of {} removed; their logins have ended",
        args.user
    ));
    Ok(())
}
