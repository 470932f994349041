//! Moving a session from state to state.

use chrono::{DateTime, Utc};
use http::StatusCode;
use protocol::code;
use protocol::event;
use protocol::id::{UserId, WorkSessionId};
use protocol::work_session::Status;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::commands::CommandFilter;
use store::entity::{command, work_session};
use store::work_sessions::SessionChange;
use store::{Paging, now};

use super::create::SOURCE;
use crate::approvals;
use crate::commands::{self, dispatch};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::rendezvous;

/// What somebody does with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    Activate,
    Complete,
    Revoke,
    Cancel,
    Expire,
}

impl Transition {
    fn to(self) -> Status {
        match self {
            Self::Activate => Status::Active,
            Self::Complete => Status::Completed,
            Self::Revoke => Status::Revoked,
            Self::Cancel => Status::Cancelled,
            Self::Expire => Status::Expired,
        }
    }

    fn from(self) -> &'static [Status] {
        match self {
            Self::Activate => &[Status::Approved],
            Self::Complete => &[Status::Active],
            Self::Revoke => &[Status::Approved, Status::Active],
            Self::Cancel => &[Status::Pending],
            Self::Expire => &[Status::Pending, Status::Approved, Status::Active],
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Complete => "complete",
            Self::Revoke => "revoke",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
        }
    }

    /// The event's word: it says `activated` where the state says `active`.
    fn event(self) -> &'static str {
        match self {
            Self::Activate => "activated",
            other => other.to().as_str(),
        }
    }
}

/// Carries out a transition that the caller asked for.
pub(super) async fn transit(
    ctx: &Ctx,
    row: &work_session::Model,
    transition: Transition,
) -> ApiResult<work_session::Model> {
    let status = Status::parse(&row.status);
    if !status.is_some_and(|status| transition.from().contains(&status)) {
        let code = match transition {
            Transition::Cancel => code::WORK_SESSION_NOT_PENDING,
            _ => code::WORK_SESSION_NOT_USABLE,
        };
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!(
                "A session that is {} cannot be {}.",
                row.status,
                transition.event()
            ),
        )
        .code(code, SOURCE));
    }
    if transition == Transition::Activate && row.starts_at.is_some_and(|time| time > now()) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "The session is scheduled and has not reached its start.",
        )
        .code(code::WORK_SESSION_NOT_ACTIVE, SOURCE));
    }
    carry_out(
        ctx,
        row,
        transition,
        ctx.principal.actor(),
        ctx.ip.to_string(),
    )
    .await
}

/// Carries out a transition, records it, tells listeners, and ends running work
/// when the session ends.
pub(super) async fn carry_out(
    ctx: &PublicCtx,
    row: &work_session::Model,
    transition: Transition,
    actor: Actor,
    ip: String,
) -> ApiResult<work_session::Model> {
    let time = now();
    let to = transition.to();
    let unit = ctx.begin().await?;
    let changed = unit
        .tenant()
        .work_sessions()
        .change(
            row,
            SessionChange {
                status: Some(to),
                started_at: (to == Status::Active).then_some(time),
                completed_at: to.is_final().then_some(time),
                ..SessionChange::default()
            },
        )
        .await?;
    unit.audit(AuditRecord {
        description: format!("work session {} by {}", transition.event(), actor.name),
        actor,
        ip,
        app: SOURCE,
        model: "worksession",
        object_id: Some(row.id),
        action: transition.word(),
        status_code: StatusCode::OK.as_u16(),
        data: json!({"from": row.status, "to": changed.status}),
    })
    .await?;
    let mut held = Vec::new();
    if to.is_final() {
        let why = format!("The work session was {}.", transition.event());
        held = approvals::cancel_of_session(&unit, WorkSessionId(row.id), &why).await?;
    }
    unit.commit().await?;
    announce(ctx, &changed, transition.event(), time);
    for command in held {
        commands::announce_end(ctx, command).await;
    }
    if to.is_final() {
        rendezvous::end_of_session(&ctx.app, WorkSessionId(row.id));
        end_work(ctx, WorkSessionId(row.id), transition).await;
    }
    Ok(changed)
}

/// Ends the sessions assigned to a user who may not work any more. One that cannot be
/// ended does not save the others.
pub(crate) async fn end_of_user(ctx: &Ctx, user: UserId, actor: &Actor) -> ApiResult<()> {
    for row in ctx.tenant().work_sessions().open_of(user).await? {
        let transition = match Status::parse(&row.status) {
            Some(Status::Pending) => Transition::Cancel,
            _ => Transition::Revoke,
        };
        let ended = carry_out(ctx, &row, transition, actor.clone(), ctx.ip.to_string()).await;
        if let Err(error) = ended {
            tracing::error!(session = %row.id, detail = error.detail, "session not ended");
        }
    }
    Ok(())
}

/// Tells who listens to a session.
pub(crate) fn announce(
    ctx: &PublicCtx,
    row: &work_session::Model,
    sub_type: &str,
    time: DateTime<Utc>,
) {
    ctx.app.events.publish(
        ctx.workspace.id,
        event::WORK_SESSION,
        Some(row.id),
        &json!({
            "category": "status",
            "sub_type": sub_type,
            "data": {"id": row.id, "status": row.status},
            "ts": time,
        }),
    );
}

/// Stops what still runs under a session that has ended. What this misses, the
/// clock of the commands finds within a second.
async fn end_work(ctx: &PublicCtx, id: WorkSessionId, transition: Transition) {
    let filter = CommandFilter {
        work_session: Some(id),
        ..CommandFilter::default()
    };
    let paging = Paging {
        page: 1,
        size: protocol::page::MAX_PAGE_SIZE,
    };
    let rows = match ctx.tenant().commands().list(&filter, paging).await {
        Ok((rows, _)) => rows,
        Err(error) => {
            tracing::error!(%error, "the commands of an ended session could not be read");
            return;
        }
    };
    let reason = format!("The work session was {}.", transition.event());
    // A guarded command that has ended may have left programs behind.
    let may_run = |row: &&command::Model| row.finished_at.is_none() || row.enforcement.is_some();
    for row in rows.iter().filter(may_run) {
        if let Err(error) = dispatch::cancel(ctx, row, &reason).await {
            tracing::error!(detail = error.detail, "a command could not be stopped");
        }
    }
}
