//! `alpacon guardrail delete NAME`.

use client::guardrails;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id.
    name: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!("Delete the guardrail {}?", args.name);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = guardrails::find(api, &args.name).await?.id.to_string();
        guardrails::delete(api, &id).await
    })
    .await?;
    message::success(&format!("guardrail {} deleted", args.name));
    Ok(())
}
