//! How much transfers may take: of the server's store, of the workspace's share, of
//! one requester's.

use http::StatusCode;
use protocol::code;
use protocol::id::{TokenId, UserId};
use store::entity::transfer;

use super::paths::SOURCE;
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};

/// Largest content of one transfer here, in bytes.
pub(super) fn max_bytes(ctx: &PublicCtx) -> i64 {
    let configured = ctx.app.config.transfers.max_bytes;
    match ctx.workspace.settings.transfer_policy.max_bytes {
        0 => configured,
        own => own.min(configured),
    }
}

/// Refuses what there is no room for: `count` more transfers of `size` bytes each.
pub(super) async fn require_room(ctx: &Ctx, size: i64, count: usize) -> ApiResult<()> {
    let limits = &ctx.app.config.transfers;
    let most = max_bytes(ctx);
    if size > most {
        let detail = format!("A transfer may have at most {most} bytes.");
        return Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let transfers = ctx.tenant().transfers();
    let (user, token) = (ctx.principal.user_id(), ctx.principal.token());
    let open = transfers.count_open(user, token).await?;
    let open = open.saturating_add(count as u64);
    if open > u64::try_from(limits.max_open).unwrap_or(u64::MAX) {
        return Err(refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "You have too many transfers open; wait until some have ended.",
        ));
    }
    if size > left_of(ctx, user, token).await? {
        return Err(used_up());
    }
    Ok(())
}

/// Bytes that a transfer may still take of the shares it counts for, its own included.
pub(super) async fn left(ctx: &PublicCtx, row: &transfer::Model) -> ApiResult<i64> {
    let (user, token) = (row.requested_by.map(UserId), row.token_id.map(TokenId));
    let left = left_of(ctx, user, token).await?;
    Ok(left.saturating_add(row.size))
}

async fn left_of(ctx: &PublicCtx, user: Option<UserId>, token: Option<TokenId>) -> ApiResult<i64> {
    let transfers = ctx.tenant().transfers();
    let quota = ctx.app.config.transfers.quota_bytes;
    let left = quota.saturating_sub(transfers.bytes_held().await?);
    match ctx.workspace.settings.transfer_policy.requester_quota_bytes {
        0 => Ok(left),
        own => {
            let held = transfers.bytes_held_of(user, token).await?;
            Ok(left.min(own.saturating_sub(held)))
        }
    }
}

pub(super) fn used_up() -> ApiError {
    refusal(
        StatusCode::INSUFFICIENT_STORAGE,
        "The room for transfers, the workspace's or yours, is used up; wait until some have \
         ended.",
    )
}

fn refusal(status: StatusCode, detail: impl Into<String>) -> ApiError {
    ApiError::new(status, detail).code(code::TRANSFER_LIMIT_EXCEEDED, SOURCE)
}
