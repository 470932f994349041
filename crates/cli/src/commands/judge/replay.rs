//! `alpacon judge replay`: new rules over recorded commands.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use client::{judgement, servers};
use protocol::judgement::Replay;
use serde_json::json;

use crate::commands::guardrail::source;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{self, Format, detail, sanitize};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A command rule of the allow-list to try; repeatable.
    #[arg(long = "rule", value_name = "GLOB")]
    rules: Vec<String>,
    /// A file with a guardrail to try.
    #[arg(long, value_name = "FILE")]
    guardrail: Option<PathBuf>,
    /// Only commands of this work session.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only commands on this server.
    #[arg(long)]
    server: Option<String>,
    /// Only commands since then, RFC 3339.
    #[arg(long)]
    since: Option<DateTime<Utc>>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    if args.rules.is_empty() && args.guardrail.is_none() {
        return Err(CliError::usage("give --rule or --guardrail: what is to be tried").into());
    }
    let work_session = args
        .session
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| CliError::usage("--session must be the id of a work session"))?;
    let guardrail = args.guardrail.as_deref().map(source::read).transpose()?;
    let session = context.connect().await?;
    let server = match &args.server {
        Some(name) => {
            let id = servers::id_by_name(&session.api, name).await?;
            let id = id.parse();
            Some(id.map_err(|_| CliError::refusal("the server gave an id that is no UUID"))?)
        }
        None => None,
    };
    let question = Replay {
        rules: args.rules,
        guardrail,
        work_session,
        server,
        since: args.since,
    };
    let answer = judgement::replay(&session.api, &question).await?;
    if context.format == Format::Json {
        detail::print(&json!(answer), context.format);
        return Ok(());
    }
    let mut text = format!(
        "{} commands examined: {} as before, {} newly denied, {} newly held, {} newly allowed\n",
        answer.examined,
        answer.unchanged,
        answer.newly_denied,
        answer.newly_held,
        answer.newly_allowed
    );
    if answer.truncated {
        text.push_str("There are more; narrow it down with --session, --server or --since.\n");
    }
    for example in &answer.examples {
        text.push_str(&format!(
            "  {} -> {}: {}\n      {}\n",
            example.was,
            example.becomes,
            sanitize::cell(&example.line),
            sanitize::cell(&example.reason)
        ));
    }
    output::stdout(&sanitize::lines(&text));
    Ok(())
}
