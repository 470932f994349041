//! `alpacon user`.

mod create;
mod delete;
mod describe;
mod invitation;
mod invite;
mod ls;
mod mfa;
mod update;

use crate::context::Context;
use crate::error::Failure;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List users.
    #[command(alias = "list")]
    Ls,
    /// Show everything about a user.
    #[command(alias = "desc")]
    Describe {
        /// Username.
        user: String,
    },
    /// Create a user in a self-hosted workspace.
    Create(create::Args),
    /// Invite somebody by mail, where people log in with a browser.
    Invite {
        /// Mail address; asked for when left out.
        email: Option<String>,
    },
    /// Open invitations.
    #[command(subcommand)]
    Invitation(invitation::Verb),
    /// Edit a user in $EDITOR.
    Update {
        /// Username.
        user: String,
    },
    /// Remove a user.
    #[command(alias = "rm")]
    Delete(delete::Args),
    /// Show a user's second factors.
    Mfa {
        /// Username.
        user: String,
    },
    /// Remove all second factors of a user who lost theirs; their logins end.
    ResetMfa(mfa::ResetArgs),
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Describe { user } => describe::run(context, &user).await,
        Verb::Create(args) => Box::pin(create::run(context, args)).await,
        Verb::Invite { email } => invite::run(context, email).await,
        Verb::Invitation(verb) => invitation::run(context, verb).await,
        Verb::Update { user } => update::run(context, &user).await,
        Verb::Delete(args) => delete::run(context, &args).await,
        Verb::Mfa { user } => mfa::show(context, &user).await,
        Verb::ResetMfa(args) => mfa::reset(context, &args).await,
    }
}
