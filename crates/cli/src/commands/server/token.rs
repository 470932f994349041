//! `alpacon server token`: registration tokens.

use std::collections::BTreeMap;

use chrono::{Duration, Utc};
use client::registration_tokens::RegistrationToken;
use client::{Api, groups, registration_tokens};
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{Format, json, message, table};
use crate::prompt;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List registration tokens.
    #[command(alias = "list")]
    Ls,
    /// Create a registration token; its key is shown once.
    Create(CreateArgs),
    /// Remove a registration token.
    #[command(alias = "rm")]
    Delete(DeleteArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Name of the token.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    name: String,
    /// Groups given to servers registered with it: names or ids.
    #[arg(short, long, value_delimiter = ',')]
    groups: Vec<String>,
    /// Lifetime in days; 0: for ever.
    #[arg(long, default_value = "0", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    expires_in_days: u32,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Name of the token.
    token: String,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Ls => ls(context).await,
        Verb::Create(args) => create(context, args).await,
        Verb::Delete(args) => delete(context, &args).await,
    }
}

#[derive(Serialize)]
struct Row {
    name: String,
    allowed_groups: String,
    expires_at: String,
    enabled: bool,
}

impl table::Row for Row {
    const HEADERS: &'static [&'static str] = &["NAME", "ALLOWED GROUPS", "EXPIRES AT", "ENABLED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.allowed_groups.clone(),
            self.expires_at.clone(),
            self.enabled.to_string(),
        ]
    }
}

async fn ls(context: &Context) -> Result<(), Failure> {
    let session = context.connect().await?;
    let tokens = registration_tokens::list(&session.api).await?;
    let names = group_names(&session.api, &tokens).await;
    let rows: Vec<Row> = tokens
        .into_iter()
        .map(|token| Row {
            allowed_groups: token
                .allowed_groups
                .iter()
                .map(|id| names.get(id).unwrap_or(id).as_str())
                .collect::<Vec<_>>()
                .join(", "),
            expires_at: token.expires_at.unwrap_or_else(|| "never".to_owned()),
            name: token.name,
            enabled: token.enabled,
        })
        .collect();
    table::print(&rows, context.format);
    Ok(())
}

async fn group_names(api: &Api, tokens: &[RegistrationToken]) -> BTreeMap<String, String> {
    if tokens.iter().all(|token| token.allowed_groups.is_empty()) {
        return BTreeMap::new();
    }
    groups::names(api).await.unwrap_or_else(|error| {
        message::warning(&format!(
            "group names cannot be read, ids are shown: {error}"
        ));
        BTreeMap::new()
    })
}

async fn create(context: &Context, args: CreateArgs) -> Result<(), Failure> {
    let (name, wanted) = if args.name.trim().is_empty() {
        if !prompt::is_interactive() {
            return Err(crate::error::CliError::usage("--name is required").into());
        }
        let name = prompt::required("Token name: ")?;
        let wanted = if args.groups.is_empty() {
            prompt::list("Allowed groups, names or ids (optional): ")?
        } else {
            args.groups
        };
        (name, wanted)
    } else {
        (args.name, args.groups)
    };
    let expires_at = (args.expires_in_days > 0)
        .then(|| Utc::now() + Duration::days(args.expires_in_days.into()));
    let session = context.connect().await?;
    let ids = group_ids(&session.api, &wanted).await?;
    let token = registration_tokens::create(&session.api, &name, &ids, expires_at).await?;
    match context.format {
        Format::Json => json::print(&token),
        Format::Table => {
            message::success(&format!("registration token {} created", token.name));
            announce_key(&token);
            if let Some(end) = &token.expires_at {
                message::info(&format!("expires at {end}"));
            }
        }
    }
    Ok(())
}

/// Shows the secret, once.
pub(super) fn announce_key(token: &RegistrationToken) {
    message::warning(&format!(
        "this key is shown only now, store it safely: {}",
        token.key
    ));
}

/// Ids of groups given by name or id.
pub(super) async fn group_ids(api: &Api, wanted: &[String]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for name in wanted
        .iter()
        .map(|name| name.trim())
        .filter(|name| !name.is_empty())
    {
        ids.push(groups::id(api, name).await?);
    }
    Ok(ids)
}

async fn delete(context: &Context, args: &DeleteArgs) -> Result<(), Failure> {
    let question = format!("Delete the registration token {}?", args.token);
    if !prompt::confirm(&question, args.yes)? {
        return Ok(());
    }
    let session = context.connect().await?;
    let token = registration_tokens::by_name(&session.api, &args.token).await?;
    registration_tokens::delete(&session.api, &token.id).await?;
    message::success(&format!("registration token {} deleted", args.token));
    Ok(())
}
