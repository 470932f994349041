//! `alpacon webhook` (`cli-admin.md` §14).

mod create;
mod delete;
mod identity;
mod ls;

use client::webhooks;

use crate::commands::document;
use crate::context::Context;
use crate::error::Failure;
use crate::output::detail;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List webhooks.
    #[command(alias = "list")]
    Ls,
    /// Show everything about a webhook.
    #[command(alias = "desc")]
    Describe {
        /// Webhook name.
        webhook: String,
    },
    /// Send notifications somewhere.
    Create(create::Args),
    /// Edit a webhook in $EDITOR.
    Update {
        /// Webhook name.
        webhook: String,
    },
    /// Remove a webhook.
    #[command(alias = "rm")]
    Delete(delete::Args),
    /// List who is known in the chat behind a webhook.
    Identities {
        /// Webhook name.
        webhook: String,
    },
    /// Say who you are in the chat behind a webhook: decisions made there are yours.
    Identify(identity::Args),
    /// Forget who somebody is in the chat behind a webhook.
    Forget(identity::Args),
}

pub(crate) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls::run(context).await,
        Verb::Describe { webhook } => describe(context, &webhook).await,
        Verb::Create(args) => Box::pin(create::run(context, args)).await,
        Verb::Update { webhook } => update(context, &webhook).await,
        Verb::Delete(args) => delete::run(context, &args).await,
        Verb::Identities { webhook } => identity::ls(context, &webhook).await,
        Verb::Identify(args) => identity::identify(context, &args).await,
        Verb::Forget(args) => identity::forget(context, &args).await,
    }
}

async fn describe(context: &Context, webhook: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let id = webhooks::id(&session.api, webhook).await?;
    let body = webhooks::detail(&session.api, &id).await?;
    detail::print(&body, context.format);
    Ok(())
}

async fn update(context: &Context, webhook: &str) -> Result<(), Failure> {
    document::check_terminal()?;
    let mut session = context.connect().await?;
    let id = webhooks::id(&session.api, webhook).await?;
    let before = webhooks::detail(&session.api, &id).await?;
    let name = format!("webhook {webhook}");
    document::edit(
        context,
        &mut session,
        &name,
        &before,
        async |api, edited| webhooks::update(api, &id, edited).await,
    )
    .await
}
