//! Requests as callers see them, and which ones.

use protocol::approval::Approval;
use protocol::id::{ApprovalId, CommandId, ServerId, WorkSessionId};
use store::entity::approval_request;

use super::{pages, reviewer};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::identity::summary::Summaries;

/// A request the caller may see: their own, and what they decide about; superusers, any.
pub(super) async fn visible(ctx: &Ctx, id: ApprovalId) -> ApiResult<approval_request::Model> {
    let row = ctx
        .tenant()
        .approvals()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let me = ctx.principal.user_id().map(|id| id.0);
    if (me.is_some() && row.requested_by == me) || ctx.principal.is_superuser() {
        return Ok(row);
    }
    let sight = match ctx.principal.require_user() {
        Ok(user) => reviewer::sight(ctx, user).await?,
        Err(_) => None,
    };
    match sight {
        Some(sight) if sight.includes(ctx, id).await? => Ok(row),
        _ => Err(ApiError::not_found()),
    }
}

pub(super) async fn all(
    ctx: &PublicCtx,
    rows: &[approval_request::Model],
) -> ApiResult<Vec<Approval>> {
    let mut users = Vec::new();
    for row in rows {
        users.extend(row.requested_by);
        users.extend(row.reviewed_by);
    }
    let summaries = Summaries::read(ctx, users, []).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.push(one(ctx, row, &summaries).await?);
    }
    Ok(all)
}

async fn one(
    ctx: &PublicCtx,
    row: &approval_request::Model,
    summaries: &Summaries,
) -> ApiResult<Approval> {
    let given = if row.needed > 1 {
        let reviews = ctx.tenant().approvals().reviews(ApprovalId(row.id)).await?;
        reviews.iter().filter(|review| review.approves).count()
    } else {
        usize::from(row.status == protocol::approval::Status::Approved.as_str())
    };
    Ok(Approval {
        id: ApprovalId(row.id),
        request_type: row.request_type.clone(),
        request_data: row.summary.clone(),
        description: row.description.clone(),
        status: row.status.clone(),
        requested_by: summaries.user(row.requested_by),
        reviewed_by: summaries.user(row.reviewed_by),
        reviewed_at: row.reviewed_at,
        added_at: Some(row.added_at),
        expires_at: Some(row.expires_at),
        reason: row.reason.clone(),
        needed: row.needed,
        given: i64::try_from(given).unwrap_or(i64::MAX),
        content: row.content.clone(),
        server: row.server_id.map(ServerId),
        work_session: row.work_session_id.map(WorkSessionId),
        command: row.command_id.map(CommandId),
        review_url: format!("{}{}", ctx.base_url, pages::path(ApprovalId(row.id))),
    })
}
