//! Who may change people.

use store::entity::user;

use crate::http::{ApiError, ApiResult, Ctx};

/// Refuses who may not manage `target`: superusers manage everyone, staff those who
/// are neither staff nor superusers. Nobody else manages anybody.
pub(crate) fn require_manager(ctx: &Ctx, target: &user::Model) -> ApiResult<()> {
    let principal = &ctx.principal;
    if principal.is_superuser() {
        return Ok(());
    }
    principal.require_staff()?;
    if target.is_staff || target.is_superuser {
        return Err(ApiError::forbidden(
            "Only a superuser may change the account of staff and superusers.",
        ));
    }
    Ok(())
}

/// Refuses who may not hand out privileges: only superusers may, and only from a
/// login, because a token that could would outlive its own revocation.
pub(super) fn require_grantor(ctx: &Ctx) -> ApiResult<()> {
    ctx.principal.require_superuser()?;
    if ctx.principal.is_interactive() {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "A token cannot hand out privileges; log in first: alpacon login",
    ))
}
