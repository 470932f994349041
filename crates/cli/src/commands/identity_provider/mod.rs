//! `alpacon identity-provider`: sign-in with OpenID Connect. An addition of ours.

mod change;
mod create;
mod link;
mod ls;
mod secret;

use client::identity_providers;

use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List identity providers.
    #[command(alias = "list")]
    Ls,
    /// Show an identity provider.
    #[command(alias = "desc")]
    Describe {
        /// Slug or id of the provider.
        provider: String,
    },
    /// Let people sign in with an identity provider.
    #[command(after_help = create::EXAMPLES)]
    Create(create::Args),
    /// Change an identity provider in an editor.
    Update {
        /// Slug or id of the provider.
        provider: String,
    },
    /// Replace the client secret.
    SetSecret(change::SecretArgs),
    /// Offer a provider on the sign-in page again.
    Enable {
        /// Slug or id of the provider.
        provider: String,
    },
    /// Take a provider off the sign-in page.
    Disable {
        /// Slug or id of the provider.
        provider: String,
    },
    /// Remove a provider with all links to it.
    #[command(alias = "rm")]
    Delete(change::DeleteArgs),
    /// Who is linked to a provider.
    Identities {
        /// Slug or id of the provider.
        provider: String,
    },
    /// Link somebody at a provider to a user, before their first sign-in.
    Link(link::Args),
    /// Remove the link of somebody at a provider.
    Unlink(link::UnlinkArgs),
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Describe { provider } => {
            let session = context.connect().await?;
            let id = identity_providers::id(&session.api, &provider).await?;
            let shown = identity_providers::detail(&session.api, &id).await?;
            detail::print(&shown, context.format);
            Ok(())
        }
        Verb::Create(args) => create::run(context, &args).await,
        Verb::Update { provider } => change::edit(context, &provider).await,
        Verb::SetSecret(args) => change::set_secret(context, &args).await,
        Verb::Enable { provider } => change::set_enabled(context, &provider, true).await,
        Verb::Disable { provider } => change::set_enabled(context, &provider, false).await,
        Verb::Delete(args) => change::delete(context, &args).await,
        Verb::Identities { provider } => link::ls(context, &provider).await,
        Verb::Link(args) => link::run(context, &args).await,
        Verb::Unlink(args) => link::unlink(context, &args).await,
    }
}
