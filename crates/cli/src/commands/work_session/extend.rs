//! `alpacon work-session extend SESSION_ID`.

use chrono::{DateTime, Utc};
use client::work_sessions;

use super::check;
use super::mutation::Mutation;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::time;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session to extend.
    session_id: String,
    /// New length of the window from now.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    expires_in: Option<String>,
    /// New end of the window, RFC 3339.
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in")]
    expires_at: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let now = Utc::now();
    let given = check::expiry(args.expires_in.as_deref(), args.expires_at.as_deref(), now)?;
    let end = match given {
        Some(end) => end,
        None if prompt::is_interactive() => {
            let answer = prompt::with_default("Length of the window from now", "1h")?;
            check::expiry(Some(&answer), None, now)?.unwrap_or_default()
        }
        None => {
            return Err(CliError::usage("--expires-in or --expires-at is required").into());
        }
    };
    let session = context.connect().await?;
    work_sessions::extend(&session.api, &args.session_id, &end).await?;
    let shown = DateTime::parse_from_rfc3339(&end)
        .map_or_else(|_| end.clone(), |time| time::utc(time.with_timezone(&Utc)));
    let message = format!("work session {} now ends at {shown}", args.session_id);
    Mutation::new("extend", message)
        .of(&args.session_id)
        .expires_at(shown)
        .report(context.format);
    Ok(())
}
