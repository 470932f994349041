//! Deciding: what reviewers say, once each, until enough have spoken.

use http::StatusCode;
use protocol::approval::Status;
use protocol::command;
use protocol::id::{ApprovalId, CommandId, UserId, WorkSessionId};
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::{approval_request, user};
use store::{Unit, now};

use super::effect::{self, Adjustment};
use super::request::announce;
use super::{SOURCE, notify, reviewer};
use crate::http::{ApiError, ApiResult, PublicCtx};

/// Longest reason, characters.
const MAX_REASON: usize = 2000;

/// A reviewer's word.
#[derive(Clone, Debug)]
pub(super) enum Word {
    /// As asked, or narrower.
    Approve(Adjustment),
    /// With the reason.
    Reject(String),
}

fn refuse(detail: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, detail)
}

/// Takes a reviewer's word. The last one decides, and takes effect at once.
pub(super) async fn review(
    ctx: &PublicCtx,
    user: &user::Model,
    id: ApprovalId,
    word: Word,
    via: &'static str,
) -> ApiResult<approval_request::Model> {
    let request = ctx
        .tenant()
        .approvals()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    reviewer::check(ctx, user, &request).await?;
    if request.status != Status::Pending.as_str() || request.expires_at <= now() {
        return Err(refuse(
            "This request does not wait for a decision any more.",
        ));
    }
    let reason = match &word {
        Word::Approve(_) => String::new(),
        Word::Reject(reason) => checked_reason(reason)?,
    };
    let unit = ctx.begin().await?;
    let approvals = unit.tenant().approvals();
    let approves = matches!(word, Word::Approve(_));
    let me = UserId(user.id);
    if !approvals.hold_pending(id).await? {
        return Err(refuse("Somebody else decided about this request just now."));
    }
    if !approvals.add_review(id, me, approves, &reason).await? {
        return Err(refuse("You have decided about this request already."));
    }
    let given = approvals.reviews(id).await?;
    let given = given.iter().filter(|review| review.approves).count();
    let enough = i64::try_from(given).is_ok_and(|given| given >= request.needed);
    let after = match word {
        Word::Reject(_) => {
            close(&unit, id, Status::Rejected, Some(me), &reason).await?;
            effect::refused(&unit, &request, Status::Rejected, &reason).await?
        }
        Word::Approve(adjustment) if enough => {
            close(&unit, id, Status::Approved, Some(me), "").await?;
            effect::approved(&unit, &request, adjustment).await?
        }
        Word::Approve(adjustment) if !adjustment.is_empty() => {
            return Err(refuse("Only the last reviewer can narrow a request."));
        }
        Word::Approve(_) => effect::After::default(),
    };
    let row = approvals.find(id).await?.ok_or_else(ApiError::not_found)?;
    let action = if approves { "approve" } else { "reject" };
    unit.audit(AuditRecord {
        actor: Actor::user(user),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "approval_request",
        object_id: Some(id.0),
        action,
        status_code: StatusCode::OK.as_u16(),
        description: format!("{} {action}s: {}", user.username, row.summary),
        data: json!({
            "status": row.status,
            "via": via,
            "given": given,
            "needed": row.needed,
            "content_hash": row.content_hash,
            "reason": reason,
            "adjustments": after.adjustments,
        }),
    })
    .await?;
    if row.status != Status::Pending.as_str() {
        notify::queue(ctx, &unit, &row).await?;
    }
    unit.commit().await?;
    announce(ctx, &row, &row.status).await;
    after.carry_out(ctx).await;
    Ok(row)
}

/// Takes the word of a reviewer who is known in a chat. `reason`: of a rejection; none:
/// they approve, exactly what is asked.
///
/// # Errors
/// As on the pages: not theirs to decide, or decided already.
pub(crate) async fn decide_in_chat(
    ctx: &PublicCtx,
    user: &user::Model,
    id: ApprovalId,
    reason: Option<String>,
    via: &'static str,
) -> ApiResult<approval_request::Model> {
    let word = match reason {
        Some(reason) => Word::Reject(reason),
        None => Word::Approve(Adjustment::default()),
    };
    review(ctx, user, id, word, via).await
}

fn checked_reason(reason: &str) -> ApiResult<String> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(ApiError::field(
            SOURCE,
            "reason",
            "Say why, so that the requester knows what to change.",
        ));
    }
    if reason.chars().count() > MAX_REASON {
        return Err(ApiError::field(
            SOURCE,
            "reason",
            format!("The reason is longer than {MAX_REASON} characters."),
        ));
    }
    Ok(reason.to_owned())
}

async fn close(
    unit: &Unit,
    id: ApprovalId,
    status: Status,
    by: Option<UserId>,
    reason: &str,
) -> ApiResult<()> {
    let approvals = unit.tenant().approvals();
    if approvals.decide(id, status, by, reason).await? {
        Ok(())
    } else {
        Err(refuse("Somebody else decided about this request just now."))
    }
}

/// Ends the wait without a decision: withdrawn, or nobody came in time.
pub(super) async fn end(
    ctx: &PublicCtx,
    request: &approval_request::Model,
    status: Status,
    actor: Actor,
) -> ApiResult<()> {
    let id = ApprovalId(request.id);
    let (action, reason) = match status {
        Status::Expired => ("expire", "No reviewer decided in time."),
        _ => ("cancel", "The request was cancelled."),
    };
    let unit = ctx.begin().await?;
    close(&unit, id, status, None, reason).await?;
    let after = effect::refused(&unit, request, status, reason).await?;
    unit.audit(AuditRecord {
        description: format!("{action} by {}: {}", actor.name, request.summary),
        actor,
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "approval_request",
        object_id: Some(request.id),
        action,
        status_code: StatusCode::OK.as_u16(),
        data: json!({"status": status.as_str()}),
    })
    .await?;
    let row = approval_request::Model {
        status: status.as_str().to_owned(),
        reason: reason.to_owned(),
        ..request.clone()
    };
    notify::queue(ctx, &unit, &row).await?;
    unit.commit().await?;
    announce(ctx, &row, status.as_str()).await;
    after.carry_out(ctx).await;
    Ok(())
}

/// Withdraws what still waits about a session, in the transaction that ends or edits it.
/// Gives the commands that waited, which end with their requests: they are not among the
/// open ones that others look after.
pub(crate) async fn cancel_of_session(
    unit: &Unit,
    session: WorkSessionId,
    reason: &str,
) -> ApiResult<Vec<CommandId>> {
    let approvals = unit.tenant().approvals();
    let mut ended = Vec::new();
    for request in approvals.pending_of(session).await? {
        let id = ApprovalId(request.id);
        let cancelled = approvals
            .decide(id, Status::Cancelled, None, reason)
            .await?;
        // Otherwise it was decided meanwhile, which is as well.
        if let Some(command) = request.command_id.map(CommandId).filter(|_| cancelled)
            && unit
                .tenant()
                .commands()
                .refuse(command, command::Status::Cancelled, reason)
                .await?
        {
            ended.push(command);
        }
    }
    Ok(ended)
}
