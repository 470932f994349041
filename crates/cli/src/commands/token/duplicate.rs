//! `alpacon token duplicate TOKEN`.

use client::api_tokens;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the token to copy.
    token: String,
    /// Name of the new token; left out: made from the other's.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    name: String,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    let token = challenge::curing(&mut session, async |api| {
        let id = api_tokens::id(api, &args.token).await?;
        api_tokens::duplicate(api, &id, args.name.trim()).await
    })
    .await?;
    super::announce(&token, context);
    Ok(())
}
