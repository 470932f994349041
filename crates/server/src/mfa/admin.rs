//! Factors of others: seeing and removing them, for those who lost theirs.

use http::StatusCode;
use protocol::id::UserId;
use protocol::mfa::{Factor, UserMfa};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::user;

use super::{policy, presence};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::iam;
use crate::identity::sessions;

const SOURCE: &str = "user";

async fn find(ctx: &Ctx, id: UserId) -> ApiResult<user::Model> {
    let user = ctx.tenant().identity().user(id).await?;
    user.ok_or_else(ApiError::not_found)
}

/// What factors a user has: for themselves and for those who manage them.
pub(super) async fn show(ctx: &Ctx, id: UserId) -> ApiResult<UserMfa> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let user = find(ctx, id).await?;
    if ctx.principal.user_id() != Some(id) {
        iam::require_manager(ctx, &user)?;
    }
    let rows = ctx.tenant().mfa().factors(id).await?;
    Ok(UserMfa {
        factors: rows
            .iter()
            .map(|row| Factor {
                id: row.id.into(),
                method: policy::kind(row).as_str().to_owned(),
                name: row.name.clone(),
                added_at: row.added_at,
                used_at: row.used_at,
            })
            .collect(),
        recovery_codes: ctx.tenant().mfa().count_recovery_codes(id).await?,
    })
}

/// Removes all factors of a user and ends their logins: whoever held one may be the
/// reason. They sign in anew with what they still have.
pub(super) async fn reset(ctx: &Ctx, id: UserId) -> ApiResult<()> {
    ctx.principal.require_scope(SOURCE, "update")?;
    if !ctx.principal.is_interactive() {
        return Err(ApiError::forbidden(
            "A token cannot remove second factors; log in first: alpacon login",
        ));
    }
    let user = find(ctx, id).await?;
    if ctx.principal.user_id() == Some(id) {
        return Err(ApiError::conflict(
            "Nobody removes their own factors this way: use the account's security page, or ask \
             another administrator.",
        ));
    }
    iam::require_manager(ctx, &user)?;
    presence::require_for_settings(ctx, SOURCE).await?;
    let unit = ctx.begin().await?;
    let removed = unit.tenant().mfa().remove_all(id).await?;
    let ended = unit.tenant().identity().delete_logins_of(id).await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "iam",
        model: "user",
        object_id: Some(id.0),
        action: "reset_mfa",
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: format!("second factors of {} removed", user.username),
        data: json!({"factors": removed, "logins": ended}),
    })
    .await?;
    unit.commit().await?;
    sessions::forget_all(ctx, id);
    Ok(())
}
