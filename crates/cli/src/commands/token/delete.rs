//! `alpacon token delete TOKEN`.

use client::api_tokens;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the token.
    token: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!("Delete the API token {}?", args.token);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    let id = challenge::curing(&mut session, async |api| {
        let id = api_tokens::id(api, &args.token).await?;
        api_tokens::delete(api, &id).await?;
        Ok(id)
    })
    .await?;
    message::success(&format!("API token {id} deleted"));
    Ok(())
}
