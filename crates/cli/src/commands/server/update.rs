//! `alpacon server update SERVER`: the server's document in an editor.

use std::io::Write as _;
use std::process::Command;

use client::servers;
use serde_json::Value;

use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{detail, json, message};
use crate::prompt;

pub(super) async fn run(context: &Context, server: &str) -> Result<(), Failure> {
    if !prompt::is_interactive() {
        return Err(CliError::usage("editing needs a terminal").into());
    }
    let session = context.connect().await?;
    let id = servers::id_by_name(&session.api, server).await?;
    let before = servers::detail(&session.api, &id).await?;
    let Some(edited) = edit(&before)? else {
        message::info("no changes");
        return Ok(());
    };
    let after = servers::update(&session.api, &id, &edited).await?;
    message::success(&format!("server {server} updated"));
    detail::print(&after, context.format);
    Ok(())
}

/// The document after the editor; `None` when nothing was changed. The temporary
/// file goes away in any case.
fn edit(document: &Value) -> Result<Option<Value>, CliError> {
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
