//! `alpacon user delete USER`.

use client::users;

use crate::commands::{challenge, privilege};
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Username.
    user: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!("Delete the user {}?", args.user);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    privilege::staff(&session, "delete users").await?;
    challenge::curing(&mut session, async |api| {
        let id = users::id_by_username(api, &args.user).await?;
        users::delete(api, &id).await
    })
    .await?;
    message::success(&format!("user {} deleted", args.user));
    Ok(())
}
