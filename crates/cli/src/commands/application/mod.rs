//! `alpacon application`: programs with access of their own. An addition of ours.

mod change;
mod create;
mod ls;

use client::applications;

use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List applications.
    #[command(alias = "list")]
    Ls,
    /// Show everything about an application.
    #[command(alias = "desc")]
    Describe {
        /// Name or id of the application.
        application: String,
    },
    /// Create an application; it can do nothing until it has a token with rules.
    Create(create::Args),
    /// Edit an application in $EDITOR.
    Update {
        /// Name or id of the application.
        application: String,
    },
    /// Lock an application: its work ends at once, its tokens are refused.
    Lock(change::Args),
    /// Let a locked application work again.
    Unlock(change::Args),
    /// Remove an application with its tokens; its work ends.
    #[command(alias = "rm")]
    Delete(change::Args),
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Describe { application } => {
            let session = context.connect().await?;
            let id = applications::id(&session.api, &application).await?;
            let body = applications::detail(&session.api, &id).await?;
            detail::print(&body, context.format);
            Ok(())
        }
        Verb::Create(args) => create::run(context, &args).await,
        Verb::Update { application } => change::edit(context, &application).await,
        Verb::Lock(args) => change::lock(context, &args).await,
        Verb::Unlock(args) => change::unlock(context, &args).await,
        Verb::Delete(args) => change::delete(context, &args).await,
    }
}
