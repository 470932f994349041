//! `alpacon work-session create` (`cli-core.md` §7.4).

use std::time::Duration;

use chrono::Utc;
use client::work_sessions::{self, Create, WorkSession};
use client::{pace, servers};
use protocol::work_session::{REQUESTER_AGENT, REQUESTER_USER, Status};

use super::mutation::{self, Mutation};
use super::{check, using, wait};
use crate::context::{Context, Session};
use crate::envelope::Action;
use crate::error::{CliError, Failure};
use crate::output::{Format, message};
use crate::pending::Pending;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the session is for.
    #[arg(long)]
    purpose: Option<String>,
    /// Operations: command, editor, sudo, tunnel, webftp, websh.
    #[arg(long, value_delimiter = ',', value_name = "SCOPES")]
    scope: Vec<String>,
    /// Servers, by name.
    #[arg(long, value_delimiter = ',', value_name = "SERVERS")]
    server: Vec<String>,
    /// Length of the window from now, for example 1h or 90m.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    expires_in: Option<String>,
    /// End of the window, RFC 3339.
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in")]
    expires_at: Option<String>,
    /// Start of the window, RFC 3339; now when left out.
    #[arg(long, value_name = "TIME")]
    starts_at: Option<String>,
    /// Short title.
    #[arg(long)]
    title: Option<String>,
    /// Who works in it: user or agent.
    #[arg(long, default_value = REQUESTER_USER, value_parser = [REQUESTER_USER, REQUESTER_AGENT])]
    requester_type: String,
    /// Wait for the approval, at most 5 minutes.
    #[arg(long)]
    wait: bool,
    /// Wait for the approval, at most this long.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    wait_approval: Option<String>,
    /// Use the session in this workspace as soon as it is active.
    #[arg(long = "use")]
    attach: bool,
    /// Commands that sudo runs without a second factor; patterns separated by commas.
    #[arg(long, value_name = "COMMANDS")]
    sudo: Vec<String>,
    /// Why sudo is needed.
    #[arg(long, value_name = "REASON")]
    sudo_reason: Option<String>,
    /// Allow only commands that match this pattern.
    #[arg(long, value_name = "PATTERN")]
    allow_command: Vec<String>,
    /// Hold programs that no pattern allows until a superuser answers, instead of denying
    /// them.
    #[arg(long, requires = "allow_command")]
    hold_programs: bool,
    /// Allow only paths that match this pattern.
    #[arg(long, value_name = "PATTERN")]
    allow_path: Vec<String>,
    /// Allow only this target port.
    #[arg(long, value_name = "PORT")]
    allow_port: Vec<String>,
}

/// Everything that can be checked without the network.
struct Plan {
    body: Create,
    servers: Vec<String>,
    wait: Option<Duration>,
    attach: bool,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let plan = plan(args)?;
    if plan.attach && context.config()?.workspace_name.is_empty() {
        return Err(CliError::usage("--use needs a stored workspace; log in first").into());
    }
    let session = context.connect().await?;
    let mut body = plan.body;
    for name in &plan.servers {
        body.servers
            .push(servers::id_by_name(&session.api, name).await?);
    }
    let created = work_sessions::create(&session.api, &body).await?;
    if context.format == Format::Table {
        announce(&created);
    }
    settle(context, &session, created, plan.attach, plan.wait).await
}

fn plan(args: Args) -> Result<Plan, CliError> {
    let ask = prompt::is_interactive();
    let policies = check::sudo_policies(&args.sudo, args.sudo_reason.as_deref());
    let purpose = match args.purpose.as_deref().map(str::trim) {
        Some(purpose) if !purpose.is_empty() => purpose.to_owned(),
        _ if ask => prompt::required("Purpose: ")?,
        _ => return Err(CliError::usage("--purpose is required")),
    };
    let scope = match args.scope {
        scope if !scope.is_empty() => scope,
        _ if !policies.is_empty() => vec!["command".to_owned()],
        _ if ask => prompt::list("Scopes (comma separated): ")?,
        _ => return Err(CliError::usage("--scope is required")),
    };
    let names = match args.server {
        names if !names.is_empty() => names,
        _ if ask => prompt::list("Servers (comma separated): ")?,
        _ => return Err(CliError::usage("--server is required")),
    };
    let given = (args.expires_in.as_deref(), args.expires_at.as_deref());
    let expires_at = match given {
        (None, None) if ask => {
            let answer = prompt::with_default("Length of the window", "1h")?;
            check::expiry(Some(&answer), None, Utc::now())?
        }
        (expires_in, expires_at) => check::expiry(expires_in, expires_at, Utc::now())?,
    }
    .ok_or_else(|| CliError::usage("--expires-in or --expires-at is required"))?;
    let starts_at = args
        .starts_at
        .map(|text| check::rfc3339("--starts-at", &text))
        .transpose()?;
    let wait = match args.wait_approval {
        Some(text) => Some(check::positive_duration("--wait-approval", &text)?),
        None => args.wait.then_some(pace::DEFAULT_APPROVAL_WAIT),
    };
    let is_agent = args.requester_type == REQUESTER_AGENT;
    if args.attach && is_agent {
        return Err(CliError::usage(
            "--use is not for --requester-type agent; an agent passes --work-session <ID>",
        ));
    }
    let mut scopes = check::scopes(&scope)?;
    if scopes.is_empty() {
        return Err(CliError::usage("--scope is empty"));
    }
    if !policies.is_empty() && !scopes.iter().any(|scope| scope == check::SUDO) {
        scopes.push(check::SUDO.to_owned());
    }
    if is_agent && scopes.iter().any(|scope| scope == "websh") {
        return Err(CliError::usage(
            "the websh scope is not for --requester-type agent",
        ));
    }
    let servers = check::words(&names);
    if servers.is_empty() {
        return Err(CliError::usage("--server is empty"));
    }
    Ok(Plan {
        body: Create {
            description: purpose,
            requester_type: args.requester_type,
            scopes,
            servers: Vec::new(),
            expires_at,
            sudo_policies: policies,
            title: args.title.filter(|title| !title.trim().is_empty()),
            starts_at,
            allow_commands: check::words(&args.allow_command),
            allow_paths: check::words(&args.allow_path),
            allow_ports: check::words(&args.allow_port),
            hold_programs: args.hold_programs,
        },
        servers,
        wait,
        attach: args.attach,
    })
}

fn announce(created: &WorkSession) {
    let approval = created
        .approval_request_id
        .as_deref()
        .map_or_else(String::new, |id| format!(", approval request {id}"));
    message::success(&format!(
        "work session {} created ({}{approval})",
        created.id, created.status
    ));
}

/// Brings the new session to where the caller wants it.
async fn settle(
    context: &Context,
    session: &Session,
    created: WorkSession,
    attach: bool,
    wait: Option<Duration>,
) -> Result<(), Failure> {
    let reached = match (created.state(), wait) {
        (Some(Status::Active), _) => created,
        (_, Some(limit)) => {
            wait::for_approval(&session.api, &created, attach, limit, context.format).await?
        }
        (Some(Status::Pending), None) => {
            let note = if attach {
                "; it was created but not attached"
            } else {
                ""
            };
            return Err(pending(&created, &format!("waits for approval{note}")).into());
        }
        (_, None) => created,
    };
    let active = reached.state() == Some(Status::Active);
    if attach && active {
        return attach_now(context, session, &reached).await;
    }
    if attach {
        message::info(&format!(
            "the session is {}; run `alpacon work-session use {}` once it is active",
            reached.status, reached.id
        ));
    }
    report(context, &reached, None);
    Ok(())
}

async fn attach_now(
    context: &Context,
    session: &Session,
    created: &WorkSession,
) -> Result<(), Failure> {
    let attached = using::attach(session, &created.id)
        .await
        .map_err(|error| CliError {
            code: None,
            ..CliError::refusal(format!(
                "work session {id} was created but could not be attached: {reason}; retry with \
                 `alpacon work-session use {id}`",
                id = created.id,
                reason = error.message
            ))
        })?;
    report(context, &attached, Some(&attached.id));
    Ok(())
}

fn report(context: &Context, session: &WorkSession, attached: Option<&str>) {
    let state = if attached.is_some() {
        "active and in use"
    } else {
        session.status.as_str()
    };
    Mutation::new("create", format!("work session {} is {state}", session.id))
        .session(session)
        .attached(attached)
        .report(context.format);
    mutation::advise(session);
}

/// The session exists and waits: exit 4.
pub(super) fn pending(session: &WorkSession, what: &str) -> Pending {
    let detail = session
        .status_detail
        .as_deref()
        .map_or_else(String::new, |detail| format!(" ({detail})"));
    let retry = Action::command(format!("alpacon work-session use {}", session.id))
        .described("after approval");
    Pending {
        request_id: session.approval_request_id.clone(),
        work_session_id: Some(session.id.clone()),
        ..Pending::new(
            format!("work session {} {what}{detail}", session.id),
            Some(retry),
        )
    }
}
