//! `alpacon guardrail test`: what would be decided, without anything happening.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use client::{guardrails, servers};
use protocol::guardrail::TestGuardrail;
use serde_json::json;

use super::source;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{self, Format, detail, sanitize};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask this file alone, instead of the guardrails in force.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What would happen.
    #[arg(long, value_parser = ["command", "sudo", "upload", "download", "tunnel", "websh",
        "editor", "work_session"], default_value = "command")]
    operation: String,
    /// Where.
    #[arg(long)]
    server: String,
    /// Username of who would ask; you, where it is not given.
    #[arg(long)]
    user: Option<String>,
    /// Who would decide.
    #[arg(long, value_parser = ["human", "agent", "ci"], default_value = "human")]
    requester: String,
    /// Account on the server.
    #[arg(long)]
    username: Option<String>,
    /// Address it would come from.
    #[arg(long)]
    ip: Option<String>,
    /// When it would happen, RFC 3339.
    #[arg(long)]
    time: Option<DateTime<Utc>>,
    /// Command line, for command and sudo.
    #[arg(long)]
    line: Option<String>,
    /// Account that sudo would run it as.
    #[arg(long)]
    run_as: Option<String>,
    /// Path, for upload and download.
    #[arg(long)]
    path: Option<String>,
    /// Port, for tunnel.
    #[arg(long)]
    port: Option<u16>,
    /// Scopes of the session, separated by commas.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
    /// Length of the session.
    #[arg(long)]
    minutes: Option<i64>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let needs = match args.operation.as_str() {
        "command" | "sudo" if args.line.is_none() => Some("--line"),
        "upload" | "download" if args.path.is_none() => Some("--path"),
        "tunnel" if args.port.is_none() => Some("--port"),
        _ => None,
    };
    if let Some(flag) = needs {
        return Err(CliError::usage(format!("{} needs {flag}", args.operation)).into());
    }
    let policy = args.policy.as_deref().map(source::read).transpose()?;
    let session = context.connect().await?;
    let server = servers::id_by_name(&session.api, &args.server).await?;
    let question = TestGuardrail {
        policy,
        operation: args.operation,
        server: server
            .parse()
            .map_err(|_| CliError::refusal("the server gave an id that is no UUID"))?,
        user: args.user,
        requester: Some(args.requester),
        username: args.username,
        ip: args.ip,
        time: args.time,
        line: args.line,
        run_as: args.run_as,
        path: args.path,
        port: args.port,
        scopes: args.scopes,
        minutes: args.minutes,
    };
    let answer = guardrails::test(&session.api, &question).await?;
    if context.format == Format::Json {
        detail::print(&json!(answer), context.format);
        return Ok(());
    }
    let mut text = answer.verdict.clone();
    if let (Some(name), Some(policy)) = (&answer.guardrail, &answer.policy) {
        text.push_str(&format!(": guardrail {name}, policy {policy}"));
    }
    if let Some(reason) = &answer.reason {
        text.push_str(&format!("\n{reason}"));
    }
    output::stdout(&format!("{}\n", sanitize::lines(&text)));
    Ok(())
}
