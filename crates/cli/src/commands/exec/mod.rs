//! `alpacon exec` (`cli-core.md` §8).

mod attempt;
mod logs;
mod ls;
mod observer;
mod outcome;
pub(crate) mod raw;
pub(crate) mod session_choice;
mod sudo;

use std::io::IsTerminal as _;

use client::commands;
use serde_json::json;

use crate::commands::challenge;
use crate::context::{Context, Session};
use crate::error::{CliError, Failure};
use crate::gate::Denial;
use crate::output::{self, Format, json as writer, message, sanitize};

use attempt::Plan;
use raw::Request;

pub(crate) use attempt::timeout as running_timeout;
pub(crate) use ls::Args as LsArgs;
pub(crate) use ls::run as list_recent;

/// Exit status of a shell's Ctrl-C.
const INTERRUPTED: u8 = 130;
/// The scope that the gate asks for.
const SCOPE: &str = "command";

pub(crate) const USAGE: &str = "alpacon exec [FLAGS] [USER@]SERVER [--] COMMAND...";

pub(crate) const HELP: &str = "\
Flags go before the server name; everything after it is the remote command.
One word is sent as it is; of several, words with spaces or quotes are quoted, so
that |, > and $ reach the remote shell.

Examples:
  alpacon exec web-01 \"uptime\"
  alpacon exec root@web-01 docker ps
  alpacon exec -u admin -g developers web-01 -- ls -la
  alpacon exec --env=PGPASSWORD db-01 psql -U app -c 'select 1'

The exit status of the remote command is passed through.";

/// Declared for help and completion only: see [`raw`] for how the words are read.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Run as this account.
    #[arg(short, long)]
    username: Option<String>,
    /// Run with this group.
    #[arg(short, long)]
    groupname: Option<String>,
    /// Pass a variable: --env=KEY takes its value from this shell.
    #[arg(long, require_equals = true, value_name = "KEY[=VALUE]")]
    env: Vec<String>,
    /// Use this work session.
    #[arg(long, value_name = "ID")]
    work_session: Option<String>,
    /// Submit and return at once.
    #[arg(long)]
    detach: bool,
    /// Wait for a pending approval, at most 5 minutes.
    #[arg(long)]
    wait: bool,
    /// Wait for a pending approval, at most this long.
    #[arg(long, value_name = "DURATION")]
    wait_approval: Option<String>,
    /// Where to run.
    #[arg(value_name = "[USER@]SERVER")]
    server: Option<String>,
    /// What to run.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List recent commands.
    #[command(alias = "list")]
    Ls(LsArgs),
    /// Show the output of a command that was submitted earlier.
    Logs(logs::Args),
}

/// `exec ls` and `exec logs`.
pub(crate) async fn run_subcommand(context: &Context, args: Args) -> Result<(), Failure> {
    match args.verb {
        Some(Verb::Ls(args)) => ls::run(context, args).await,
        Some(Verb::Logs(args)) => logs::run(context, args).await,
        None => Err(CliError::usage(format!("no server was named\nUsage: {USAGE}")).into()),
    }
}

/// Runs a command on a server.
pub(crate) async fn run(request: Request) -> Result<(), Failure> {
    let context = Context::new(request.format)?;
    let mut session = context.connect().await?;
    let plan = Plan::new(request, &session.config);
    if plan.request.detach {
        return Box::pin(detach(&mut session, &plan)).await;
    }
    // Only we stop: on the host the command goes on.
    tokio::select! {
        result = Box::pin(attempt::run(&mut session, &plan)) => result,
        () = interrupt() => {
            let id = plan.submitted();
            output::stderr("\r\x1b[K\n");
            if let Some(id) = id {
                message::info(&format!(
                    "the command goes on; see it with `alpacon exec logs {id}`"
                ));
            }
            Err(Failure::Status(INTERRUPTED))
        }
    }
}

/// Ctrl-C at a terminal. Elsewhere the signal keeps its default action.
async fn interrupt() {
    if !std::io::stderr().is_terminal() || tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn detach(session: &mut Session, plan: &Plan) -> Result<(), Failure> {
    let mut result = submit(session, plan).await;
    if let Err(error) = result {
        cure(session, plan, error).await?;
        result = submit(session, plan).await;
    }
    let id = result.map_err(|error| refusal(session, plan, error))?;
    match plan.request.format {
        Format::Json => writer::print(&json!({ "job_id": id })),
        Format::Table => {
            let id = sanitize::cell(&id);
            output::stdout(&format!("Job submitted: {id}\n"));
            message::hint(&format!("get the result with `alpacon exec logs {id}`"));
        }
    }
    Ok(())
}

async fn submit(session: &Session, plan: &Plan) -> Result<String, client::Error> {
    let server = client::servers::id_by_name(&session.api, &plan.request.server).await?;
    let submitted = commands::submit(&session.api, &plan.submission(server)).await?;
    Ok(submitted.id)
}

/// Cures what can be cured; else the refusal in its proper form.
async fn cure(session: &mut Session, plan: &Plan, error: client::Error) -> Result<(), Failure> {
    if challenge::can_cure(&error) {
        challenge::cure(session, Some(&plan.request.server), error).await
    } else {
        Err(refusal(session, plan, error))
    }
}

/// A refused submission: by the gate, for an inline credential, or otherwise.
fn refusal(session: &Session, plan: &Plan, error: client::Error) -> Failure {
    let server = plan.request.server.as_str();
    if Denial::covers(error.code()) {
        return denial(session, Some(server), plan.work_session.clone(), &error).into();
    }
    let is_not_found = matches!(error, client::Error::NotFound { .. });
    let is_login = matches!(
        error,
        client::Error::NotLoggedIn | client::Error::Refresh(_) | client::Error::SubmissionUnknown
    );
    let mut refusal = CliError::from(error);
    if refusal.code.as_deref() == Some(protocol::code::COMMAND_INLINE_CREDENTIAL) {
        // The server's text may repeat the line, and the line holds the secret.
        "the command line carries a credential".clone_into(&mut refusal.message);
        return refusal
            .with_hint(format!(
                "pass the secret as a variable: `export SECRET=…`, then `alpacon exec \
                 --env=SECRET {server} -- COMMAND` with $SECRET in the command"
            ))
            .into();
    }
    if is_not_found || is_login {
        return refusal.into();
    }
    refusal.while_doing(server).into()
}

/// A refusal of the gate.
fn denial(
    session: &Session,
    server: Option<&str>,
    work_session: Option<String>,
    error: &client::Error,
) -> Denial {
    Denial {
        code: error.code().unwrap_or_default().to_owned(),
        scope: SCOPE,
        server: server.map(ToOwned::to_owned),
        auth: session.config.auth_method(),
        session: work_session,
    }
}
