//! `alpacon trust-rule update|enable|disable|delete`.

use client::trust_rules;

use crate::commands::{challenge, document};
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Name or id of the rule.
    rule: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn edit(context: &Context, rule: &str) -> Result<(), Failure> {
    document::check_terminal()?;
    let mut session = context.connect().await?;
    let id = trust_rules::id(&session.api, rule).await?;
    let before = trust_rules::detail(&session.api, &id).await?;
    let name = format!("trust rule {rule}");
    document::edit(
        context,
        &mut session,
        &name,
        &before,
        async |api, edited| trust_rules::update(api, &id, edited).await,
    )
    .await
}

pub(super) async fn set_enabled(
    context: &Context,
    rule: &str,
    enabled: bool,
) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = trust_rules::id(api, rule).await?;
        trust_rules::set_enabled(api, &id, enabled).await
    })
    .await?;
    let state = if enabled { "enabled" } else { "disabled" };
    message::success(&format!("trust rule {rule} {state}"));
    Ok(())
}

pub(super) async fn delete(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let question = format!("Delete the trust rule {}?", args.rule);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = trust_rules::id(api, &args.rule).await?;
        trust_rules::delete(api, &id).await
    })
    .await?;
    message::success(&format!("trust rule {} deleted", args.rule));
    Ok(())
}
