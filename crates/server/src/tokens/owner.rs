//! Who may manage a token: its owner, logged in; service tokens: superusers.

use protocol::id::{TokenId, UserId};
use store::entity::api_token;

use super::token::SOURCE;
use crate::applications;
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

/// The token whose rules a request is about: one of either kind by `token`, or one of
/// an application by `service_token`.
pub(super) async fn bounded(
    ctx: &Ctx,
    token: TokenId,
    service_token: TokenId,
) -> ApiResult<api_token::Model> {
    match (token.is_nil(), service_token.is_nil()) {
        (false, true) => manageable(ctx, token).await,
        (true, false) => {
            applications::require_manager(ctx)?;
            let row = ctx.tenant().applications().token(service_token).await?;
            with_own_rules(row.ok_or_else(ApiError::not_found)?)
        }
        (true, true) => Err(ApiError::missing(SOURCE, "token")),
        (false, false) => Err(ApiError::field(
            SOURCE,
            "service_token",
            "Name one token: in token or in service_token.",
        )),
    }
}

/// The token that a rule bounds, of either kind, if the caller may manage it.
pub(super) async fn manageable(ctx: &Ctx, id: TokenId) -> ApiResult<api_token::Model> {
    match ctx.tenant().applications().token(id).await? {
        None => own_token(ctx, id).await,
        // To those who may not manage it, it does not exist.
        Some(_) if !ctx.principal.is_superuser() => Err(ApiError::not_found()),
        Some(row) => {
            applications::require_manager(ctx)?;
            with_own_rules(row)
        }
    }
}

/// A service token, if its rules are its own.
fn with_own_rules(row: api_token::Model) -> ApiResult<api_token::Model> {
    if row.issued_from.is_some() {
        return Err(ApiError::field(
            SOURCE,
            "service_token",
            "This token was issued to a job; its rules are those of the one it came from.",
        ));
    }
    Ok(row)
}
