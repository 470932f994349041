//! `alpacon server delete SERVER`.

use client::servers;

use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Server name.
    server: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!("Delete the server {}?", args.server);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let session = context.connect().await?;
    let id = servers::id_by_name(&session.api, &args.server).await?;
    servers::delete(&session.api, &id).await?;
    message::success(&format!("server {} deleted", args.server));
    Ok(())
}
