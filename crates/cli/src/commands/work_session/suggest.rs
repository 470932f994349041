//! `alpacon work-session suggest SESSION_ID`: the smallest rules that cover what it did.

use client::judgement;
use serde_json::json;

use crate::context::Context;
use crate::error::Failure;
use crate::output::{self, Format, detail, message, sanitize};

pub(super) async fn run(context: &Context, id: &str) -> Result<(), Failure> {
    let session = context.connect().await?;
    let found = judgement::suggestion(&session.api, id).await?;
    if context.format == Format::Json {
        detail::print(&json!(found), context.format);
        return Ok(());
    }
    let mut text = String::new();
    for (flag, rules) in [
        ("--allow-command", &found.commands),
        ("--allow-path", &found.paths),
        ("--allow-port", &found.ports),
        ("--sudo", &found.sudo),
    ] {
        for rule in rules {
            let quoted = rule.replace('\'', r"'\''");
            text.push_str(&format!("{flag} '{quoted}'\n"));
        }
    }
    output::stdout(&sanitize::lines(&text));
    message::info(&format!(
        "these rules cover {} of {} lines",
        found.covered, found.lines
    ));
    for line in &found.uncovered {
        message::warning(&format!("not covered: {}: {}", line.line, line.reason));
    }
    if found.truncated {
        message::warning("the session did more than was looked at");
    }
    Ok(())
}
