//! `alpacon judge simulate SERVER LINE`: what would be decided now.

use client::{judgement, servers};
use protocol::judgement::Simulate;
use serde_json::json;

use crate::commands::exec::session_choice;
use crate::context::Context;
use crate::error::{CliError, Failure};
use crate::output::{self, Format, detail, sanitize};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where.
    server: String,
    /// The command line, quoted as one word.
    line: String,
    /// Account on the server.
    #[arg(short, long, default_value = "")]
    username: String,
    /// Group on the server.
    #[arg(short, long, default_value = "")]
    groupname: String,
    /// Name of a variable that would come along; repeatable.
    #[arg(long = "env", value_name = "NAME")]
    env: Vec<String>,
    /// Work session to use.
    #[arg(long, value_name = "ID")]
    work_session: Option<String>,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    if args.line.trim().is_empty() {
        return Err(CliError::usage("the line is empty").into());
    }
    let session = context.connect().await?;
    let server = servers::id_by_name(&session.api, &args.server).await?;
    let chosen = session_choice::choose(args.work_session.as_deref(), &session.config);
    let work_session = chosen
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| CliError::refusal("the work session's id is no UUID"))?;
    let question = Simulate {
        server: server
            .parse()
            .map_err(|_| CliError::refusal("the server gave an id that is no UUID"))?,
        line: args.line,
        username: args.username,
        groupname: args.groupname,
        env: args.env,
        work_session,
    };
    let answer = judgement::simulate(&session.api, &question).await?;
    if context.format == Format::Json {
        detail::print(&json!(answer), context.format);
        return Ok(());
    }
    let mut lines = vec![
        format!("{} (decided by the {})", answer.verdict, answer.decided_by),
        format!("risk: {}", answer.risk),
    ];
    lines.extend(answer.reason.map(|reason| format!("reason: {reason}")));
    lines.extend(answer.code.map(|code| format!("code: {code}")));
    let rules = answer.rules.iter().map(|rule| format!("rule: {rule}"));
    lines.extend(rules);
    if let Some(name) = answer.guardrails.and_then(|said| said.guardrail) {
        lines.push(format!("guardrail: {name}"));
    }
    lines.push(String::new());
    output::stdout(&sanitize::lines(&lines.join("\n")));
    Ok(())
}
