//! Who may manage a server: staff who can see it, with a credential that reaches it.

use http::StatusCode;
use protocol::code;
use protocol::id::ServerId;
use store::entity::server;

use super::routes::RESOURCE;
use crate::http::{ApiError, ApiResult, Ctx};

/// A server the caller can see, for a change that its credential allows. Whether the
/// caller is staff is asked apart, because marking a server needs no more than this.
pub(super) async fn reachable(
    ctx: &Ctx,
    id: ServerId,
    action: &'static str,
) -> ApiResult<server::Model> {
    let row = ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    ctx.principal.require_scope(RESOURCE, action)?;
    if let Some(token) = ctx.principal.token()
        && !ctx.tenant().acl().allows_server(token, id).await?
    {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            format!(
                "The token's server rules do not include {}; see: alpacon token acl server add",
                row.name
            ),
        )
        .code(code::API_TOKEN_ACL_NOT_ALLOWED, "token"));
    }
    Ok(row)
}

/// Like [`reachable`], for what only staff may do.
pub(super) async fn manageable(
    ctx: &Ctx,
    id: ServerId,
    action: &'static str,
) -> ApiResult<server::Model> {
    let row = reachable(ctx, id, action).await?;
    ctx.principal.require_staff()?;
    Ok(row)
}
