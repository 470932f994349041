//! The gate: the one road to a managed server (`judgment.md` §2).
//!
//! Every operation on a server calls [`authorize`] first and does nothing
//! without the [`Grant`] it returns. The steps run in the order of the design,
//! permanent refusals before those a caller can cure; the first that fails
//! decides. A refusal is recorded in the audit trail before it is answered.

mod account;
mod again;
mod command;
mod guard;
mod path;
mod port;
mod risk;
mod standing;
mod sudo;
mod sudo_presence;
mod terminal;
mod token;
mod work_session;

use http::StatusCode;
use protocol::id::{ServerId, WorkSessionId};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::{file_acl, server, work_session as session_row};

pub(crate) use account::is_account_name;
pub(crate) use again::judge_again;
pub(crate) use command::{Judged, judge_command};
pub(crate) use path::{FileRules, file_rules};
pub(crate) use port::check_port;
pub(crate) use risk::{command_ruling, risk_actions};
pub(crate) use standing::{Standing, still_holds};
pub(crate) use sudo::{SudoVerdict, decide_sudo};
pub(crate) use terminal::{check_terminal, may_gain_privileges};

use crate::http::{ApiError, ApiResult, Ctx};
use crate::locks::Footing;
use crate::mfa;

/// What a caller wants to do on a server. More operations join as they are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Command,
    Tunnel,
    /// Moving files; which way is the file rules' matter.
    Webftp,
    /// A terminal.
    Websh,
}

impl Operation {
    /// The work-session scope that covers it; also its name in the audit trail.
    pub(crate) fn scope(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Tunnel => "tunnel",
            Self::Webftp => "webftp",
            Self::Websh => "websh",
        }
    }

    /// The token scope resource that covers it.
    fn resource(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Tunnel => "tunnel",
            Self::Webftp => "webftp",
            Self::Websh => "websh",
        }
    }
}

/// Where and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) server: ServerId,
    /// Empty: the caller's own account.
    pub(crate) username: &'a str,
    /// Empty: the account's own group.
    pub(crate) groupname: &'a str,
    /// The work session the caller selected.
    pub(crate) work_session: Option<WorkSessionId>,
}

/// Leave to carry out an operation, and its bounds. Where both a session and a
/// token's rules are there, both bound it; where neither is, the workspace exempts
/// this kind of login.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) server: server::Model,
    pub(crate) session: Option<Box<session_row::Model>>,
    /// The token's command rules that apply to the account.
    pub(crate) token_commands: Option<Vec<String>>,
    /// The token's file rules that apply to the account.
    pub(crate) token_files: Option<Vec<file_acl::Model>>,
    pub(crate) username: String,
    pub(crate) groupname: String,
}

/// Whether operations on servers need a work session for this caller.
pub(crate) fn needs_work_session(ctx: &Ctx) -> bool {
    let settings = &ctx.workspace.settings;
    if ctx.principal.is_interactive() {
        settings.require_work_session_for_passwords
    } else {
        settings.require_work_session_for_tokens
    }
}

/// Decides whether the caller may carry out `operation` on `target`. Steps 1 and 2
/// (credential, account) are behind every [`Ctx`].
pub(crate) async fn authorize(
    ctx: &Ctx,
    operation: Operation,
    target: Target<'_>,
) -> ApiResult<Grant> {
    let server = target.server;
    match decide(ctx, operation, target).await {
        Ok(grant) => Ok(grant),
        Err(refusal) => {
            record_refusal(ctx, operation, server, &refusal, json!({})).await;
            Err(refusal)
        }
    }
}

async fn decide(ctx: &Ctx, operation: Operation, target: Target<'_>) -> ApiResult<Grant> {
    // 3. The server exists and the caller may see it.
    let server = ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), target.server)
        .await?
        .ok_or_else(ApiError::not_found)?;
    // 1. Nothing that the operation rests on is locked. The caller and the token are not,
    // behind every `Ctx`, and of a server only who may see it hears that it is.
    let footing = Footing {
        user: ctx.principal.user_id(),
        token: ctx.principal.token(),
        work_session: None,
        server: Some(target.server),
    };
    if let Some(held) = ctx.app.locks.on(ctx.workspace_id(), &footing) {
        return Err(held.refusal());
    }
    // 4. Authority.
    ctx.principal
        .require_scope(operation.resource(), "create")?;
    let token_commands = match ctx.principal.token() {
        Some(token) => Some(token::check(ctx, token, &server, &target).await?),
        None => None,
    };
    let token_files = match ctx.principal.token() {
        Some(token) if operation == Operation::Webftp => {
            Some(token::files(ctx, token, &target).await?)
        }
        _ => None,
    };
    let session = if needs_work_session(ctx) || target.work_session.is_some() {
        let session = work_session::check(ctx, operation, &server, target.work_session).await?;
        Some(Box::new(session))
    } else {
        None
    };
    // 7. Account. (5, guardrails, joins with its own issue; 6, the judge, runs between
    // for what runs a command: see `judge_command`.)
    let username = match operation {
        // A tunnel runs as nobody, and an application has no account to fall back to.
        Operation::Tunnel if ctx.principal.is_application() => String::new(),
        _ => account::username(ctx, target.username)?,
    };
    let groupname = account::groupname(ctx, &server, &username, target.groupname).await?;
    // 8. Presence. What runs a command is judged before: a denial that nobody can cure
    // must not cost a second factor.
    if operation != Operation::Command {
        mfa::require_presence(ctx, operation.scope(), operation.scope()).await?;
    }
    Ok(Grant {
        server,
        session,
        token_commands,
        token_files,
        username,
        groupname,
    })
}

/// Step 8 for what was judged: refuses unless the caller proved presence where the
/// workspace asks for it.
pub(crate) async fn require_presence(
    ctx: &Ctx,
    operation: Operation,
    grant: &Grant,
) -> ApiResult<()> {
    let scope = operation.scope();
    let Err(refusal) = mfa::require_presence(ctx, scope, scope).await else {
        return Ok(());
    };
    let server = ServerId(grant.server.id);
    record_refusal(ctx, operation, server, &refusal, json!({})).await;
    Err(refusal)
}

/// Records a refusal. It stands whether or not it could be recorded: nothing was
/// done that the trail would miss.
pub(crate) async fn record_refusal(
    ctx: &Ctx,
    operation: Operation,
    server: ServerId,
    refusal: &ApiError,
    mut data: serde_json::Value,
) {
    if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
        return;
    }
    ctx.app
        .metrics
        .decision(operation.scope(), refusal.code.unwrap_or("refused"));
    if let Some(members) = data.as_object_mut() {
        members.insert("code".to_owned(), json!(refusal.code));
        members.insert("server".to_owned(), json!(server));
    }
    let record = AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: operation.scope(),
        model: "server",
        object_id: Some(server.0),
        action: "deny",
        status_code: refusal.status.as_u16(),
        description: format!("{} refused: {}", operation.scope(), refusal.detail),
        data,
    };
    let recorded: ApiResult<()> = async {
        let unit = ctx.begin().await?;
        unit.audit(record).await?;
        Ok(unit.commit().await?)
    }
    .await;
    if let Err(error) = recorded {
        tracing::error!(detail = error.detail, "a refusal could not be recorded");
    }
}
