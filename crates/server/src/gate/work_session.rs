//! The work session as authority: what it must be to allow an operation.

use http::StatusCode;
use protocol::code;
use protocol::id::WorkSessionId;
use protocol::work_session::Status;
use store::entity::{server, work_session};
use store::locks::LockKind;
use store::now;

use super::Operation;
use crate::http::{ApiError, ApiResult, Ctx};

fn refuse(code: &'static str, detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, detail).code(code, "work_session")
}

/// The selected session, if it allows `operation` on `server` now.
pub(super) async fn check(
    ctx: &Ctx,
    operation: Operation,
    server: &server::Model,
    selected: Option<WorkSessionId>,
) -> ApiResult<work_session::Model> {
    let Some(id) = selected else {
        return Err(refuse(
            code::WORK_SESSION_REQUIRED,
            format!(
                "The {} operation needs an active work session, and none was selected.",
                operation.scope()
            ),
        ));
    };
    // A session of another workspace, or none at all, reads alike.
    let session = ctx
        .tenant()
        .work_sessions()
        .find(id)
        .await?
        .ok_or_else(|| {
            refuse(
                code::WORK_SESSION_NOT_USABLE,
                "The selected work session does not exist.",
            )
        })?;
    if session.assigned_user != ctx.principal.user_id().map(|id| id.0) {
        return Err(refuse(
            code::WORK_SESSION_ASSIGNEE_MISMATCH,
            "The selected work session is assigned to somebody else.",
        ));
    }
    active(&session)?;
    if let Some(held) = ctx.app.locks.find(LockKind::WorkSession, session.id) {
        return Err(held.refusal());
    }
    if !session.holds_scope(operation.scope()) {
        return Err(refuse(
            code::WORK_SESSION_SCOPE_NOT_ALLOWED,
            format!(
                "The selected work session does not hold the scope {}.",
                operation.scope()
            ),
        ));
    }
    if !session.includes_server(server.id) {
        return Err(refuse(
            code::WORK_SESSION_SERVER_NOT_ALLOWED,
            format!(
                "The selected work session does not include the server {}.",
                server.name
            ),
        ));
    }
    Ok(session)
}

/// Active by its state and by the clock: the state follows the clock by up to a
/// second, the gate does not.
fn active(session: &work_session::Model) -> ApiResult<()> {
    let expired = || {
        refuse(
            code::WORK_SESSION_EXPIRED,
            "The selected work session has expired.",
        )
    };
    match Status::parse(&session.status) {
        Some(Status::Active) if session.expires_at > now() => Ok(()),
        Some(Status::Active | Status::Expired) => Err(expired()),
        Some(Status::Pending | Status::Approved) if session.expires_at <= now() => Err(expired()),
        Some(status @ (Status::Pending | Status::Approved)) => Err(refuse(
            code::WORK_SESSION_NOT_ACTIVE,
            match session.starts_at {
                Some(time) => format!(
                    "The selected work session is {}; it starts at {}.",
                    status.as_str(),
                    time.to_rfc3339()
                ),
                None => format!(
                    "The selected work session is {}, not active.",
                    status.as_str()
                ),
            },
        )),
        Some(_) | None => Err(refuse(
            code::WORK_SESSION_NOT_USABLE,
            format!(
                "The selected work session is {}; create a new one.",
                session.status
            ),
        )),
    }
}
