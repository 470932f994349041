//! `alpacon group`.

mod create;
mod delete;
mod describe;
mod ls;
mod member;
mod update;

use crate::context::Context;
use crate::error::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List groups.
    #[command(alias = "list")]
    Ls,
    /// Show everything about a group.
    #[command(alias = "desc")]
    Describe {
        /// Group name.
        group: String,
    },
    /// Create a group.
    Create(create::Args),
    /// Edit a group in $EDITOR.
    Update {
        /// Group name.
        group: String,
    },
    /// Remove a group.
    #[command(alias = "rm")]
    Delete(delete::Args),
    /// Who is in a group.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Member {
        #[command(subcommand)]
        verb: member::Verb,
    },
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Describe { group } => describe::run(context, &group).await,
        Verb::Create(args) => Box::pin(create::run(context, args)).await,
        Verb::Update { group } => update::run(context, &group).await,
        Verb::Delete(args) => delete::run(context, &args).await,
        Verb::Member { verb } => member::run(context, verb).await,
    }
}
