//! `alpacon token create` (`cli-admin.md` §7.2).

use chrono::{DateTime, Duration, Utc};
use client::api_tokens;

use crate::commands::challenge;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::message;
use crate::prompt;

/// Suggested lifetime.
const DEFAULT_DAYS: u32 = 30;
/// Longest lifetime: a hundred years.
const MAX_DAYS: u32 = 36_500;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the token; asked for when left out, like what else is left out then.
    #[arg(short, long, default_value = "", hide_default_value = true)]
    name: String,
    /// Whether the token ends; false: never, whatever --expiration-in-days says.
    #[arg(
        short,
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    limit: Option<bool>,
    /// Lifetime in days; 0 or left out: for ever.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_DAYS)))]
    expiration_in_days: Option<u32>,
    /// Scopes, separated by commas; left out: everything that you may do.
    #[arg(long)]
    scopes: Option<String>,
}

/// What to create.
struct Wanted {
    name: String,
    days: u32,
    scopes: Vec<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let wanted = if !args.name.trim().is_empty() {
        args.given()
    } else if prompt::is_interactive() {
        args.asked()?
    } else {
        return Err(CliError::usage("--name is required").into());
    };
    let expires_at = end(wanted.days);
    let mut session = context.connect().await?;
    let token = challenge::curing(&mut session, async |api| {
        api_tokens::create(api, &wanted.name, expires_at, &wanted.scopes).await
    })
    .await?;
    super::announce(&token, context);
    Ok(())
}

impl Args {
    fn given(self) -> Wanted {
        Wanted {
            days: match self.limit {
                Some(false) => 0,
                _ => self.expiration_in_days.unwrap_or(0),
            },
            scopes: prompt::split_list(self.scopes.as_deref().unwrap_or_default()),
            name: self.name,
        }
    }

    /// Asks for what was not given.
    fn asked(self) -> Result<Wanted, CliError> {
        let name = prompt::required("Token name: ")?;
        let is_limited = match (self.limit, self.expiration_in_days) {
            (None, None) => prompt::yes_or_no("Shall the token expire?")?,
            (limit, _) => limit.unwrap_or(true),
        };
        let days = match self.expiration_in_days {
            _ if !is_limited => 0,
            Some(days) => days,
            None => ask_days()?,
        };
        let scopes = match self.scopes {
            Some(scopes) => prompt::split_list(&scopes),
            None => prompt::list("Scopes, see `alpacon token scopes` (empty for all): ")?,
        };
        let scopes = match scopes.as_slice() {
            [] => vec!["*".to_owned()],
            _ => scopes,
        };
        Ok(Wanted { name, days, scopes })
    }
}

fn ask_days() -> Result<u32, CliError> {
    let answer = prompt::with_default("Days until it expires", &DEFAULT_DAYS.to_string())?;
    Ok(match answer.parse() {
        Ok(days @ 1..=MAX_DAYS) => days,
        _ => {
            message::warning(&format!(
                "that is no number from 1 to {MAX_DAYS}; it expires in {DEFAULT_DAYS} days"
            ));
            DEFAULT_DAYS
        }
    })
}

fn end(days: u32) -> Option<DateTime<Utc>> {
    (days > 0).then(|| Utc::now() + Duration::days(days.into()))
}
