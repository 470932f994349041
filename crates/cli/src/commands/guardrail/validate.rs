//! `alpacon guardrail validate FILE`.

use std::path::PathBuf;

use client::guardrails;
use serde_json::json;

use super::source;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{Format, detail, message};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File with the policies; `-` for stdin.
    file: PathBuf,
}

pub(super) async fn run(context: &Context, args: &Args) -> Result<(), Failure> {
    let text = source::read(&args.file)?;
    let session = context.connect().await?;
    let answer = guardrails::validate(&session.api, &text).await?;
    if context.format == Format::Json {
        detail::print(&json!(answer), context.format);
    }
    for warning in &answer.warnings {
        message::warning(warning);
    }
    if let Some(error) = answer.error {
        return Err(CliError::refusal(error).into());
    }
    message::success(&format!(
        "{} policies: {}",
        answer.policies.len(),
        answer.policies.join(", ")
    ));
    Ok(())
}
