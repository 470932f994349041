//! `alpacon webhook delete WEBHOOK`.

use client::webhooks;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Webhook name.
    webhook: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!("Delete the webhook {}?", args.webhook);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = webhooks::id(api, &args.webhook).await?;
        webhooks::delete(api, &id).await
    })
    .await?;
    message::success(&format!("webhook {} deleted", args.webhook));
    Ok(())
}
