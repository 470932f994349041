//! `alpacon judge`.

mod check;
mod explain;
mod replay;
mod simulate;

use crate::context::Context;
use crate::error::Failure;
use crate::output::Format;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Judge command lines offline: JSON Lines on stdin, verdicts on stdout.
    #[command(after_help = check::HELP)]
    Check,
    /// Say what a line would run, and how risky that is. Offline.
    Explain(explain::Args),
    /// Say what would be decided if you ran a line now, without running it.
    Simulate(simulate::Args),
    /// Say what new rules would have decided about recorded commands.
    Replay(replay::Args),
}

impl Verb {
    /// Whether it needs no login.
    pub(crate) fn is_offline(&self) -> bool {
        matches!(self, Self::Check | Self::Explain(_))
    }
}

/// Runs a verb that needs no login.
pub(crate) fn run_offline(verb: &Verb, format: Format) -> Result<(), Failure> {
    match verb {
        Verb::Check => check::run(),
        Verb::Explain(args) => explain::run(args, format),
        // Never asked here: see `is_offline`.
        Verb::Simulate(_) | Verb::Replay(_) => Ok(()),
    }
}

/// Runs a verb that asks the server.
pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Simulate(args) => simulate::run(context, args).await,
        Verb::Replay(args) => replay::run(context, args).await,
        Verb::Check | Verb::Explain(_) => run_offline(&verb, context.format),
    }
}
