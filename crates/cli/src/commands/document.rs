//! Objects changed as a whole document in an editor (`cli-core.md` §2.8).

use std::io::Write as _;
use std::process::Command;

use client::Api;
use serde_json::Value;

use crate::commands::challenge;
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};
use crate::output::{detail, json, message};
use crate::prompt;

/// An editor needs a person.
pub(crate) fn check_terminal() -> Result<(), CliError> {
    if prompt::is_interactive() {
        return Ok(());
    }
    Err(CliError::usage("editing needs a terminal"))
}

/// Lets the user change `before` and sends it back whole, unless nothing changed.
/// `name`: what it is, for people.
pub(crate) async fn edit(
    context: &Context,
    session: &mut Session,
    name: &str,
    before: &Value,
    send: impl AsyncFn(&Api, &Value) -> Result<Value, client::Error>,
) -> Result<(), Failure> {
    let Some(edited) = edited(before)? else {
        message::info("no changes");
        return Ok(());
    };
    let after = challenge::curing(session, async |api| send(api, &edited).await).await?;
    message::success(&format!("{name} updated"));
    detail::print(&after, context.format);
    Ok(())
}

/// The document after the editor; `None` when nothing was changed. The temporary
/// file goes away in any case.
fn edited(document: &Value) -> Result<Option<Value>, CliError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        CliError::refusal(format!("cannot {what}: {error}"))
    };
    let before = json::pretty(document, b"\t");
    let mut file = tempfile::Builder::new()
        .prefix("alpacon-")
        .suffix(".json")
        .tempfile()
        .map_err(|error| failed("create a temporary file", &error))?;
    file.write_all(before.as_bytes())
        .map_err(|error| failed("write the temporary file", &error))?;

    let editor = std::env::var("EDITOR").unwrap_or_default();
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = Command::new(program)
        .args(words)
        .arg(file.path())
        .status()
        .map_err(|error| failed(&format!("run {program}"), &error))?;
    if !status.success() {
        return Err(CliError::refusal(format!("{program} ended with {status}")));
    }
    let after = std::fs::read_to_string(file.path())
        .map_err(|error| failed("read the edited file", &error))?;
    if after == before {
        return Ok(None);
    }
    serde_json::from_str(&after)
        .map(Some)
        .map_err(|error| failed("use the edited file: it is not valid JSON", &error))
}
