//! `alpacon identity-provider update|set-secret|enable|disable|delete`.

use std::path::PathBuf;

use client::identity_providers;

use super::secret;
use crate::commands::{challenge, document};
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Slug or id of the provider.
    provider: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SecretArgs {
    /// Slug or id of the provider.
    provider: String,
    /// File with the client secret, one line; left out: asked for.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

pub(super) async fn set_secret(context: &Context, args: &SecretArgs) -> Result<(), Failure> {
    let secret = secret::read(args.client_secret_file.as_deref())?;
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = identity_providers::id(api, &args.provider).await?;
        identity_providers::set_secret(api, &id, &secret).await
    })
    .await?;
    message::success(&format!("client secret of {} replaced", args.provider));
    Ok(())
}

pub(super) async fn edit(context: &Context, provider: &str) -> Result<(), Failure> {
    document::check_terminal()?;
    let mut session = context.connect().await?;
    let id = identity_providers::id(&session.api, provider).await?;
    let before = identity_providers::detail(&session.api, &id).await?;
    let name = format!("identity provider {provider}");
    document::edit(
        context,
        &mut session,
        &name,
        &before,
        async |api, edited| identity_providers::update(api, &id, edited).await,
    )
    .await
}

pub(super) async fn set_enabled(
    context: &Context,
    provider: &str,
    enabled: bool,
) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = identity_providers::id(api, provider).await?;
        identity_providers::set_enabled(api, &id, enabled).await
    })
    .await?;
    let state = if enabled { "enabled" } else { "disabled" };
    message::success(&format!("identity provider {provider} {state}"));
    Ok(())
}

pub(super) async fn delete(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let question = format!("Delete the identity provider {}?", args.provider);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = identity_providers::id(api, &args.provider).await?;
        identity_providers::delete(api, &id).await
    })
    .await?;
    message::success(&format!("identity provider {} deleted", args.provider));
    Ok(())
}
