//! Who may manage a token: its owner, logged in.

use protocol::id::{TokenId, UserId};
use store::entity::api_token;

use crate::http::{ApiError, ApiResult, Ctx};

/// The caller, if they may manage tokens at all. A token that could make tokens
/// could outlive itself and widen its own rules.
pub(super) fn manager(ctx: &Ctx) -> ApiResult<UserId> {
    if ctx.principal.token().is_some() {
        return Err(ApiError::forbidden(
            "An API token cannot manage API tokens; log in first: alpacon login",
        ));
    }
    Ok(UserId(ctx.principal.require_user()?.id))
}

/// A token of the caller's.
pub(super) async fn own_token(ctx: &Ctx, id: TokenId) -> ApiResult<api_token::Model> {
    let owner = manager(ctx)?;
    ctx.tenant()
        .identity()
        .token(owner, id)
        .await?
        .ok_or_else(ApiError::not_found)
}
