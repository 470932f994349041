//! What a decision does: to the session or the command that waits.

use protocol::approval::{self, kind};
use protocol::command;
use protocol::id::{CommandId, UserId, WorkSessionId};
use protocol::work_session::Status;
use serde_json::{Value, json};
use store::Unit;
use store::entity::{approval_request, work_session};
use store::now;
use store::work_sessions::SessionChange;
use uuid::Uuid;

use crate::commands;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::work_sessions;

/// What a reviewer takes away from a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Adjustment {
    /// The scopes that stay; `None`: all.
    pub(super) scopes: Option<Vec<String>>,
    /// The servers that stay; `None`: all.
    pub(super) servers: Option<Vec<Uuid>>,
}

impl Adjustment {
    pub(super) fn is_empty(&self) -> bool {
        self.scopes.is_none() && self.servers.is_none()
    }
}

/// What is left to do once the decision is durable.
#[derive(Debug, Default)]
pub(super) struct After {
    session: Option<(work_session::Model, &'static str)>,
    ended_command: Option<CommandId>,
    /// For the record.
    pub(super) adjustments: Option<Value>,
}

impl After {
    /// Tells who listens.
    pub(super) async fn carry_out(self, ctx: &PublicCtx) {
        if let Some((session, sub_type)) = &self.session {
            work_sessions::announce(ctx, session, sub_type, now());
        }
        if let Some(command) = self.ended_command {
            commands::announce_end(ctx, command).await;
        }
    }
}

/// Carries out what was approved.
///
/// # Errors
/// When the subject does not wait any more; then nothing of the decision stands.
pub(super) async fn approved(
    unit: &Unit,
    request: &approval_request::Model,
    adjustment: Adjustment,
) -> ApiResult<After> {
    check_requester(unit, request).await?;
    match request.request_type.as_str() {
        kind::WORK_SESSION => start_session(unit, request, adjustment).await,
        _ if !adjustment.is_empty() => Err(gone("Only a new session can be narrowed.")),
        kind::WORK_SESSION_MOD => change_session(unit, request).await,
        kind::COMMAND => release_command(unit, request).await,
        // The approval itself is what the next call of sudo, or the submission, finds.
        kind::SUDO | kind::COMMAND_PLAN => Ok(After::default()),
        _ => Err(ApiError::internal("an unknown type of request")),
    }
}

/// Carries out a refusal, a withdrawal or an expiry.
pub(super) async fn refused(
    unit: &Unit,
    request: &approval_request::Model,
    status: approval::Status,
    reason: &str,
) -> ApiResult<After> {
    match request.request_type.as_str() {
        kind::WORK_SESSION => {
            let (to, sub_type) = match status {
                approval::Status::Rejected => (Status::Rejected, "rejected"),
                approval::Status::Expired => (Status::Expired, "expired"),
                _ => (Status::Cancelled, "cancelled"),
            };
            refuse_session(unit, request, to, sub_type).await
        }
        kind::COMMAND => {
            let to = match status {
                approval::Status::Rejected => command::Status::Rejected,
                _ => command::Status::Cancelled,
            };
            refuse_command(unit, request, to, reason).await
        }
        _ => Ok(After::default()),
    }
}

fn gone(detail: &str) -> ApiError {
    ApiError::new(http::StatusCode::CONFLICT, detail)
}

/// Whoever asked may have left meanwhile.
async fn check_requester(unit: &Unit, request: &approval_request::Model) -> ApiResult<()> {
    let user = match request.requested_by {
        Some(id) => unit.tenant().identity().user(UserId(id)).await?,
        None => None,
    };
    if user.is_some_and(|user| user.is_active) {
        Ok(())
    } else {
        Err(gone("The requester's account is not active any more."))
    }
}

async fn session(
    unit: &Unit,
    request: &approval_request::Model,
) -> ApiResult<Option<work_session::Model>> {
    let Some(id) = request.work_session_id.map(WorkSessionId) else {
        return Ok(None);
    };
    Ok(unit.tenant().work_sessions().find(id).await?)
}

async fn open_session(
    unit: &Unit,
    request: &approval_request::Model,
) -> ApiResult<work_session::Model> {
    let found = session(unit, request).await?;
    found
        .filter(|row| row.expires_at > now())
        .ok_or_else(|| gone("The work session is over."))
}

async fn start_session(
    unit: &Unit,
    request: &approval_request::Model,
    adjustment: Adjustment,
) -> ApiResult<After> {
    let row = open_session(unit, request).await?;
    if row.status != Status::Pending.as_str() {
        return Err(gone("The work session does not wait any more."));
    }
    let adjustments = narrow(&row, &adjustment)?;
    let time = now();
    let later = row.starts_at.is_some_and(|start| start > time);
    let (status, sub_type) = if later {
        (Status::Approved, "approved")
    } else {
        (Status::Active, "activated")
    };
    let change = SessionChange {
        status: Some(status),
        scopes: adjustment.scopes,
        servers: adjustment.servers,
        adjustments: adjustments.clone(),
        started_at: (!later).then_some(time),
        ..SessionChange::default()
    };
    let row = unit.tenant().work_sessions().change(&row, change).await?;
    Ok(After {
        session: Some((row, sub_type)),
        adjustments,
        ..After::default()
    })
}

/// The change as sessions show it. A reviewer only takes away.
fn narrow(row: &work_session::Model, adjustment: &Adjustment) -> ApiResult<Option<Value>> {
    let mut shown = serde_json::Map::new();
    if let Some(kept) = &adjustment.scopes {
        let held: Vec<String> = work_sessions::read(&row.scopes)?;
        if kept.is_empty() || kept.iter().any(|scope| !held.contains(scope)) {
            return Err(gone("At least one scope must stay, and none can be added."));
        }
        if kept.len() < held.len() {
            shown.insert("scopes".to_owned(), json!({"old": held, "new": kept}));
        }
    }
    if let Some(kept) = &adjustment.servers {
        let held: Vec<Uuid> = work_sessions::read(&row.servers)?;
        if kept.is_empty() || kept.iter().any(|server| !held.contains(server)) {
            return Err(gone(
                "At least one server must stay, and none can be added.",
            ));
        }
        if kept.len() < held.len() {
            shown.insert("servers".to_owned(), json!({"old": held, "new": kept}));
        }
    }
    Ok((!shown.is_empty()).then_some(Value::Object(shown)))
}

async fn refuse_session(
    unit: &Unit,
    request: &approval_request::Model,
    to: Status,
    sub_type: &'static str,
) -> ApiResult<After> {
    let found = session(unit, request).await?;
    let Some(row) = found.filter(|row| row.status == Status::Pending.as_str()) else {
        return Ok(After::default());
    };
    let change = SessionChange {
        status: Some(to),
        completed_at: Some(now()),
        ..SessionChange::default()
    };
    let row = unit.tenant().work_sessions().change(&row, change).await?;
    Ok(After {
        session: Some((row, sub_type)),
        ..After::default()
    })
}

async fn change_session(unit: &Unit, request: &approval_request::Model) -> ApiResult<After> {
    let row = open_session(unit, request).await?;
    let open = [Status::Approved, Status::Active].map(Status::as_str);
    if !open.contains(&row.status.as_str()) {
        return Err(gone("The work session is over."));
    }
    let change = work_sessions::proposed_change(&request.content)?;
    let row = unit.tenant().work_sessions().change(&row, change).await?;
    Ok(After {
        session: Some((row, "updated")),
        ..After::default()
    })
}

async fn release_command(unit: &Unit, request: &approval_request::Model) -> ApiResult<After> {
    let not_held = || gone("The command does not wait any more.");
    let id = request.command_id.map(CommandId).ok_or_else(not_held)?;
    let commands = unit.tenant().commands();
    let row = commands.find(id).await?.ok_or_else(not_held)?;
    let start = row.scheduled_at.map_or_else(now, |time| time.max(now()));
    if !commands.release(id, start).await? {
        return Err(not_held());
    }
    // One command, once: nothing else can use this approval.
    unit.tenant()
        .approvals()
        .spend(protocol::id::ApprovalId(request.id))
        .await?;
    Ok(After::default())
}

async fn refuse_command(
    unit: &Unit,
    request: &approval_request::Model,
    to: command::Status,
    reason: &str,
) -> ApiResult<After> {
    let Some(id) = request.command_id.map(CommandId) else {
        return Ok(After::default());
    };
    let ended = unit.tenant().commands().refuse(id, to, reason).await?;
    Ok(After {
        ended_command: ended.then_some(id),
        ..After::default()
    })
}
