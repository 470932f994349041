//! `alpacon work-session recording SESSION_ID`.

use client::work_sessions;
use protocol::work_session::TimelineItem;

use super::timeline::{RECORD, local};
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{self, sanitize};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session.
    session_id: String,
    /// Which recording, from 1.
    #[arg(long, default_value = "1")]
    index: usize,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let out_of_range =
        |count: usize| CliError::usage(format!("--index must be between 1 and {count}"));
    let index = args.index.checked_sub(1).ok_or_else(|| out_of_range(1))?;
    let session = context.connect().await?;
    let records: Vec<TimelineItem> = work_sessions::timeline(&session.api, &args.session_id, false)
        .await?
        .into_iter()
        .filter(|item| item.kind == RECORD)
        .collect();
    if records.is_empty() {
        return Err(CliError::refusal("this session has no recordings").into());
    }
    let record = records
        .get(index)
        .ok_or_else(|| out_of_range(records.len()))?;
    let body = sanitize::recording(record.masked_record.as_deref().unwrap_or_default());
    let newline = if body.ends_with('\n') { "" } else { "\n" };
    let time = local(record.timestamp.as_deref());
    output::stdout(&format!(
        "Recording {}/{} — {time}\n\n{body}{newline}",
        args.index,
        records.len()
    ));
    Ok(())
}
