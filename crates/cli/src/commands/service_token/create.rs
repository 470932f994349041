//! `alpacon service-token create|duplicate`.

use chrono::{Duration, Utc};
use client::applications;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::prompt;

/// Longest lifetime: a hundred years.
const MAX_DAYS: i64 = 36_500;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name or id of the application.
    #[arg(short, long)]
    application: String,
    /// Name of the token.
    #[arg(short, long)]
    name: String,
    /// Lifetime in days; 0 or left out: for ever.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=MAX_DAYS))]
    expiration_in_days: Option<u32>,
    /// Scopes, separated by commas; left out: all that applications may do.
    #[arg(long, default_value = "", hide_default_value = true)]
    scopes: String,
    /// Without a key: only trust rules make usable tokens from it.
    #[arg(long)]
    no_key: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DuplicateArgs {
    /// The token to copy as APPLICATION/TOKEN, or its id.
    token: String,
    /// Name of the new token; left out: made from the other's.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    name: String,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    if args.name.trim().is_empty() {
        return Err(CliError::usage("--name is empty").into());
    }
    let days = args.expiration_in_days.unwrap_or(0);
    let expires_at = (days > 0).then(|| Utc::now() + Duration::days(days.into()));
    let scopes = prompt::split_list(&args.scopes);
    let mut session = context.connect().await?;
    let token = challenge::curing(&mut session, async |api| {
        let id = applications::id(api, &args.application).await?;
        let name = args.name.trim();
        applications::create_token(api, &id, name, expires_at, &scopes, args.no_key).await
    })
    .await?;
    super::announce(&token, context);
    Ok(())
}

pub(super) async fn duplicate(context: &Context, args: &DuplicateArgs) -> Result<(), Failure> {
    let mut session = context.connect().await?;
    let token = challenge::curing(&mut session, async |api| {
        let id = applications::token_id(api, &args.token).await?;
        applications::duplicate_token(api, &id, args.name.trim()).await
    })
    .await?;
    super::announce(&token, context);
    Ok(())
}
