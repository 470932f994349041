//! `alpacon application update|lock|unlock|delete`.

use client::applications;

use crate::commands::{challenge, document};
use crate::context::Context;
use crate::error::Failure;
use crate::output::message;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the application.
    application: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn edit(context: &Context, application: &str) -> Result<(), Failure> {
    document::check_terminal()?;
    let mut session = context.connect().await?;
    let id = applications::id(&session.api, application).await?;
    let before = applications::detail(&session.api, &id).await?;
    let name = format!("application {application}");
    document::edit(
        context,
        &mut session,
        &name,
        &before,
        async |api, edited| applications::update(api, &id, edited).await,
    )
    .await
}

pub(super) async fn lock(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!("Lock the application {}? Its work ends.", args.application);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    set_active(context, args, false).await?;
    message::success(&format!("application {} locked", args.application));
    Ok(())
}

pub(super) async fn unlock(context: &Context, args: &Args) -> Result<(), Failure> {
    set_active(context, args, true).await?;
    message::success(&format!("application {} unlocked", args.application));
    Ok(())
}

async fn set_active(context: &Context, args: &Args, is_active: bool) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = applications::id(api, &args.application).await?;
        applications::set_active(api, &id, is_active).await
    })
    .await?;
    Ok(())
}

pub(super) async fn delete(context: &Context, args: &Args) -> Result<(), Failure> {
    let question = format!(
        "Delete the application {} and its tokens?",
        args.application
    );
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let mut session = context.connect().await?;
    challenge::curing(&mut session, async |api| {
        let id = applications::id(api, &args.application).await?;
        applications::delete(api, &id).await
    })
    .await?;
    message::success(&format!("application {} deleted", args.application));
    Ok(())
}
