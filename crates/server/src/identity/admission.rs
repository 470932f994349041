//! The last question before a login comes to be, asked inside its transaction: whether
//! the user may still log in.

use protocol::code;
use protocol::id::UserId;
use store::Unit;
use store::entity::user;
use store::locks::LockKind;

use crate::http::{ApiError, ApiResult, PublicCtx};

/// Refuses a user who is not any more what they were when they proved themselves:
/// checking takes its time, and whoever was deactivated or got another password meanwhile
/// must not get in, now or when they are active again. The user is held until the unit
/// ends, so that whoever deactivates them ends this login too.
///
/// # Errors
/// The refusal, which the caller records.
pub(crate) async fn admit_login(
    ctx: &PublicCtx,
    unit: &Unit,
    proven: &user::Model,
) -> ApiResult<()> {
    let held = unit
        .tenant()
        .identity()
        .hold_user(UserId(proven.id))
        .await?;
    let unchanged = |now: &user::Model| now.is_active && now.password_hash == proven.password_hash;
    let user = held
        .filter(unchanged)
        .ok_or_else(|| ApiError::unauthenticated("The username or password is wrong."))?;
    require_unlocked(ctx, &user)
}

/// Refuses a user who is locked, or anybody but superusers where the workspace is.
pub(super) fn require_unlocked(ctx: &PublicCtx, user: &user::Model) -> ApiResult<()> {
    let locks = &ctx.app.locks;
    if let Some(held) = locks.find(LockKind::User, user.id) {
        return Err(held.refusal());
    }
    let workspace = locks.find(LockKind::Workspace, ctx.workspace_id().0);
    match workspace.filter(|_| !user.is_superuser) {
        Some(held) => Err(held.refusal()),
        None => Ok(()),
    }
}

/// Refuses a password that is good for nothing but choosing another one.
pub(crate) fn require_own_password(user: &user::Model) -> ApiResult<()> {
    if !user.must_change_password {
        return Ok(());
    }
    Err(
        ApiError::forbidden("Your password must be changed before you can log in.")
            .code(code::USER_PASSWORD_CHANGE_REQUIRED, "login"),
    )
}
