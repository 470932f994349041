//! Who manages applications: superusers, logged in.

use protocol::id::UserId;

use crate::http::{ApiError, ApiResult, Ctx};

/// The caller, if they may manage principals that are nobody. A token could make
/// another that outlives it, so no token may.
pub(crate) fn require_manager(ctx: &Ctx) -> ApiResult<UserId> {
    let user = UserId(ctx.principal.require_user()?.id);
    if ctx.principal.token().is_some() {
        return Err(ApiError::forbidden(
            "A token cannot manage applications; log in first: alpacon login",
        ));
    }
    ctx.principal.require_superuser()?;
    Ok(user)
}
