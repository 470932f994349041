//! `alpacon guardrail create` and `update`.

use std::path::PathBuf;

use client::guardrails;
use protocol::guardrail::{Guardrail, WriteGuardrail};

use super::source;
use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::message;

#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Name in the workspace: letters, digits, `-`, `_` and `.`.
    name: String,
    /// File with the policies; `-` for stdin.
    file: PathBuf,
    /// For people.
    #[arg(long, default_value = "")]
    description: String,
    /// Store it without putting it in force.
    #[arg(long)]
    disabled: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// Name or id.
    name: String,
    /// File with the new policies; `-` for stdin.
    file: Option<PathBuf>,
    /// New name.
    #[arg(long)]
    rename: Option<String>,
    /// New description.
    #[arg(long)]
    description: Option<String>,
    /// Put it in force.
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Take it out of force.
    #[arg(long)]
    disable: bool,
}

pub(super) async fn create(context: &Context, args: CreateArgs) -> Result<(), Failure> {
    let wanted = WriteGuardrail {
        name: Some(args.name.clone()),
        description: Some(args.description),
        policy: Some(source::read(&args.file)?),
        enabled: Some(!args.disabled),
        version: None,
    };
    let mut session = context.connect().await?;
    let made: Guardrail = challenge::curing(&mut session, async |api| {
        guardrails::create(api, &wanted).await
    })
    .await?;
    for warning in &made.warnings {
        message::warning(warning);
    }
    let state = match made.enabled {
        true => "is in force",
        false => "is stored and off",
    };
    message::success(&format!("guardrail {} {state}", made.name));
    Ok(())
}

pub(super) async fn update(context: &Context, args: UpdateArgs) -> Result<(), Failure> {
    let enabled = match (args.enable, args.disable) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let mut wanted = WriteGuardrail {
        name: args.rename,
        description: args.description,
        policy: args.file.as_deref().map(source::read).transpose()?,
        enabled,
        version: None,
    };
    if wanted == WriteGuardrail::default() {
        return Err(CliError::usage(
            "nothing to change: give a file, --rename, --description, --enable or --disable",
        )
        .into());
    }
    let mut session = context.connect().await?;
    let known = guardrails::find(&session.api, &args.name).await?;
    // Whoever changed it meanwhile is not overwritten.
    wanted.version = Some(known.version);
    let id = known.id.to_string();
    let after = challenge::curing(&mut session, async |api| {
        guardrails::update(api, &id, &wanted).await
    })
    .await?;
    let made: Guardrail = serde_json::from_value(after).unwrap_or_default();
    for warning in &made.warnings {
        message::warning(warning);
    }
    message::success(&format!(
        "guardrail {} is at version {}",
        known.name, made.version
    ));
    Ok(())
}
