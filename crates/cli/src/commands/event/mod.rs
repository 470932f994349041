//! `alpacon event`: the event channel, and the deprecated list of commands.

mod channel;
mod frame;
mod wait;
mod watch;

use crate::commands::exec;
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: exec::LsArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Print events as they come.
    Watch(watch::Args),
    /// Wait for an event that decides something.
    Wait(wait::Args),
}

pub(crate) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    match args.verb {
        Some(Verb::Watch(args)) => watch::run(context, args).await,
        Some(Verb::Wait(args)) => wait::run(context, args).await,
        None => {
            message::warning(
                "`alpacon event` is deprecated; use `alpacon exec ls` for recent commands and \
                 `alpacon event watch` for events",
            );
            exec::list_recent(context, args.list).await
        }
    }
}
