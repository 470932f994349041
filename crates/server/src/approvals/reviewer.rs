//! Who may decide.

use http::StatusCode;
use protocol::id::UserId;
use store::entity::{approval_request, user};
use uuid::Uuid;

use crate::http::{ApiError, ApiResult, PublicCtx};

/// Active superusers.
pub(super) async fn all(ctx: &PublicCtx) -> ApiResult<Vec<Uuid>> {
    let found = ctx.tenant().identity().superusers().await?;
    Ok(found.into_iter().map(|user| user.id).collect())
}

/// Whether enough people could approve what `requester` asks.
pub(crate) async fn could_review(ctx: &PublicCtx, requester: Option<UserId>) -> ApiResult<bool> {
    let settings = &ctx.workspace.settings;
    let reviewers = all(ctx).await?;
    let count = reviewers
        .iter()
        .filter(|id| settings.allow_self_approval || Some(UserId(**id)) != requester)
        .count();
    Ok(i64::try_from(count).is_ok_and(|count| count >= settings.approvals_needed))
}

/// Refuses who may not decide about this request.
pub(super) fn check(
    ctx: &PublicCtx,
    user: &user::Model,
    request: &approval_request::Model,
) -> ApiResult<()> {
    if !(user.is_active && user.is_superuser) {
        return Err(ApiError::not_found());
    }
    if request.requested_by == Some(user.id) && !ctx.workspace.settings.allow_self_approval {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "Nobody decides about their own request; ask another superuser.",
        ));
    }
    Ok(())
}
