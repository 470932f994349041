//! `alpacon webhook create` (`cli-admin.md` §14).

use client::users;
use client::webhooks::{self, NewWebhook, PROVIDERS};
use serde_json::Value;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{self, Format, json, message};
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name; asked for when left out.
    #[arg(long)]
    name: Option<String>,
    /// Where to; asked for when left out.
    #[arg(long)]
    url: Option<String>,
    /// slack, discord, teams, telegram or custom; asked for when left out.
    #[arg(long)]
    provider: Option<String>,
    /// Username of who answers for it; you, when left out.
    #[arg(long)]
    owner: Option<String>,
    /// Verify certificates; asked for when left out.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    ssl_verify: Option<bool>,
    /// Send notifications there.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    enabled: bool,
    /// Read a secret from standard input: Slack's signing secret, the security token of
    /// an outgoing webhook of Teams, or what signs notifications.
    #[arg(long)]
    secret_stdin: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let name = required(args.name, "Webhook name: ")?;
    let url = required(args.url, "URL: ")?;
    let provider = provider(args.provider, &url)?;
    let ssl_verify = match args.ssl_verify {
        Some(verify) => verify,
        None => prompt::yes_or_no("Verify certificates?")?,
    };
    let secret = match args.secret_stdin {
        true => Some(secret()?),
        false => None,
    };
    let mut session = context.connect().await?;
    let owner = match args.owner.filter(|owner| !owner.is_empty()) {
        Some(owner) => users::id_by_username(&session.api, &owner).await?,
        None => users::current(&session.api).await?.id,
    };
    let webhook = NewWebhook {
        name,
        url,
        provider,
        ssl_verify,
        enabled: args.enabled,
        owner,
        secret,
    };
    let created = challenge::curing(&mut session, async |api| {
        webhooks::create(api, &webhook).await
    })
    .await?;
    message::success(&format!("webhook {} created", webhook.name));
    show_secret(context, &created);
    Ok(())
}

fn required(given: Option<String>, question: &str) -> Result<String, CliError> {
    match given.filter(|text| !text.is_empty()) {
        Some(text) => Ok(text),
        None => prompt::required(question),
    }
}

fn provider(given: Option<String>, url: &str) -> Result<String, CliError> {
    let word = match given.filter(|text| !text.is_empty()) {
        Some(word) => word.to_lowercase(),
        None => {
            let likely = webhooks::provider_of(url);
            let answer = prompt::line(&format!("Provider ({likely}): "))?;
            match answer.trim() {
                "" => likely.to_owned(),
                other => other.to_lowercase(),
            }
        }
    };
    if PROVIDERS.contains(&word.as_str()) {
        return Ok(word);
    }
    let known = PROVIDERS.join(", ");
    Err(CliError::refusal(format!(
        "provider must be one of: {known}"
    )))
}

fn secret() -> Result<String, CliError> {
    let text = std::io::read_to_string(std::io::stdin())
        .map_err(|error| CliError::refusal(format!("cannot read the secret: {error}")))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(CliError::refusal("there is no secret on standard input"));
    }
    Ok(secret.to_owned())
}

/// A secret that the server made is shown here and nowhere else.
fn show_secret(context: &Context, created: &Value) {
    if context.format == Format::Json {
        json::print(created);
        return;
    }
    let Some(secret) = created.get("secret").and_then(Value::as_str) else {
        return;
    };
    message::warning("this secret signs its notifications and is not shown again:");
    output::stdout(&format!("{secret}\n"));
}
