//! `alpacon server`.

pub(crate) mod action;
mod create;
mod delete;
mod describe;
mod guide;
mod ls;
mod token;
mod update;

use crate::context::Context;
use crate::error::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List servers.
    #[command(alias = "list")]
    Ls,
    /// Show everything about a server.
    #[command(alias = "desc")]
    Describe {
        /// Server name.
        server: String,
    },
    /// Register a new server: prints how to install its agent.
    Create(create::Args),
    /// Edit a server in $EDITOR.
    Update {
        /// Server name.
        server: String,
    },
    /// Remove a server.
    #[command(alias = "rm")]
    Delete(delete::Args),
    /// Read the server's information again.
    Refresh {
        /// Server name.
        server: String,
    },
    /// Reboot the host.
    Reboot(action::Args),
    /// Switch the host off.
    Shutdown(action::Args),
    /// Upgrade the host's packages.
    Upgrade(action::Args),
    /// Registration tokens.
    #[command(subcommand_required = true, arg_required_else_help = true)]
    Token {
        #[command(subcommand)]
        verb: token::Verb,
    },
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Describe { server } => describe::run(context, &server).await,
        Verb::Create(args) => Box::pin(create::run(context, args)).await,
        Verb::Update { server } => update::run(context, &server).await,
        Verb::Delete(args) => delete::run(context, &args).await,
        Verb::Refresh { server } => action::refresh(context, &server).await,
        Verb::Reboot(args) => action::reboot(context, args).await,
        Verb::Shutdown(args) => action::shutdown(context, args).await,
        Verb::Upgrade(args) => action::upgrade(context, args).await,
        Verb::Token { verb } => token::run(context, verb).await,
    }
}
