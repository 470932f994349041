//! `alpacon group delete GROUP`.

use client::groups;

use crate::commands::{challenge, privilege};
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Group name.
    group: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!("Delete the group {}?", args.group);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    privilege::staff(&session, "delete groups").await?;
    challenge::curing(&mut session, async |api| {
        let id = groups::id(api, &args.group).await?;
        groups::delete(api, &id).await
    })
    .await?;
    message::success(&format!("group {} deleted", args.group));
    Ok(())
}
