//! `alpacon server reboot|shutdown|upgrade|refresh SERVER`, and what the agent
//! commands share with them.

use client::servers::{self, Action};
use protocol::code;

use crate::commands::challenge;
use crate::context::{Context, Session};
use crate::error::{CliError, Failure, Kind};
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Server name.
    server: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
    /// Act although people work on the server.
    #[arg(long)]
    force: bool,
}

pub(super) async fn reboot(context: &Context, args: Args) -> Result<(), Failure> {
    confirmed(context, args, Action::Reboot, "reboot").await
}

pub(super) async fn shutdown(context: &Context, args: Args) -> Result<(), Failure> {
    confirmed(context, args, Action::Shutdown, "shutdown").await
}

pub(super) async fn upgrade(context: &Context, args: Args) -> Result<(), Failure> {
    confirmed(context, args, Action::Upgrade, "upgrade").await
}

pub(super) async fn refresh(context: &Context, server: &str) -> Result<(), Failure> {
    let what = "refresh of the information";
    request(context, server, Action::Refresh, Some(false), what).await
}

/// Asks the server for `action`, curing a missing second factor once.
pub(crate) async fn request(
    context: &Context,
    server: &str,
    action: Action,
    force: Option<bool>,
    what: &str,
) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    if let Err(error) = attempt(&session, server, action, force).await {
        if error.code() == Some(code::SERVER_BUSY_WITH_USER_WORK) {
            return Err(busy(server, force).into());
        }
        challenge::cure(&mut session, Some(server), error).await?;
        attempt(&session, server, action, force)
            .await
            .map_err(|error| match error.code() {
                Some(code::SERVER_BUSY_WITH_USER_WORK) => busy(server, force),
                _ => error.into(),
            })?;
    }
    message::success(&format!(
        "{what} requested for {server}; follow it with `alpacon exec ls --server {server}`"
    ));
    Ok(())
}

async fn confirmed(
    context: &Context,
    args: Args,
    action: Action,
    what: &str,
) -> Result<(), Failure> {
    let question = format!("Really {what} {}?", args.server);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    request(context, &args.server, action, Some(args.force), what).await
}

async fn attempt(
    session: &Session,
    server: &str,
    action: Action,
    force: Option<bool>,
) -> Result<(), client::Error> {
    let id = servers::id_by_name(&session.api, server).await?;
    servers::act(&session.api, &id, action, force).await
}

fn busy(server: &str, force: Option<bool>) -> CliError {
    let work = "has active user work (an open terminal or file session, or a running command)";
    let message = if force == Some(true) {
        format!("{server} {work} despite --force; try again later")
    } else {
        format!("{server} {work}; try again when it is idle, or pass --force")
    };
    CliError {
        code: Some(code::SERVER_BUSY_WITH_USER_WORK.to_owned()),
        ..CliError::new(Kind::Busy, message)
    }
}
