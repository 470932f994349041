//! Changing a password by who knows it, and being made to.

use http::StatusCode;
use protocol::code;
use protocol::id::UserId;
use protocol::onboarding::ChangePassword;
use serde_json::json;
use store::Unit;
use store::audit::{Actor, AuditRecord};
use store::entity::user;

use super::{SOURCE, invitation, mails, reset};
use crate::crypto;
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::iam::{self, password as policy};
use crate::identity::{check_password, sessions};
use crate::mfa;

/// Refuses a password that is guessed easily.
pub(super) fn check(password: &str, names: &[&str]) -> ApiResult<()> {
    policy::check(password, names).map_err(|weak| {
        let mut refusal = ApiError::field(SOURCE, "password", weak.to_string());
        refusal.code = Some(code::USER_PASSWORD_WEAK);
        refusal
    })
}

pub(super) async fn hash(password: String) -> ApiResult<String> {
    crypto::password::hash(password)
        .await
        .map_err(ApiError::internal)
}

/// Changes a password by who knows the one there is, also where it is good for nothing
/// else any more, and proves their second factor where they have one. Ends all logins of
/// the user.
pub(super) async fn change_by_api(ctx: &PublicCtx, request: ChangePassword) -> ApiResult<()> {
    let user = owner(ctx, &request).await?;
    // First what costs no code.
    check_for(&user, &request.new_password)?;
    mfa::check_password_change(ctx, &user, &request.otp).await?;
    replace(ctx, &user, request.new_password).await
}

/// The same by who proved on a page already what protects the account.
pub(crate) async fn change(ctx: &PublicCtx, request: ChangePassword) -> ApiResult<()> {
    let user = owner(ctx, &request).await?;
    replace(ctx, &user, request.new_password).await
}

/// Who knows the password there is.
async fn owner(ctx: &PublicCtx, request: &ChangePassword) -> ApiResult<user::Model> {
    let user = check_password(ctx, &request.username, &request.password, None).await?;
    if request.new_password == request.password {
        return Err(weak(
            "The new password is the one there is; choose another one.",
        ));
    }
    Ok(user)
}

async fn replace(ctx: &PublicCtx, user: &user::Model, password: String) -> ApiResult<()> {
    set(ctx, user, password, "change", async |_| Ok(true)).await
}

fn check_for(user: &user::Model, password: &str) -> ApiResult<()> {
    let mailbox = user.email.split('@').next().unwrap_or_default();
    check(password, &[&user.username, mailbox])
}

pub(super) fn weak(detail: &str) -> ApiError {
    ApiError::field(SOURCE, "new_password", detail).code(code::USER_PASSWORD_WEAK, SOURCE)
}

/// Gives a user another password, ends their logins, and tells them by mail. `may` is
/// asked inside the transaction.
pub(super) async fn set(
    ctx: &PublicCtx,
    user: &user::Model,
    password: String,
    action: &'static str,
    may: impl AsyncFnOnce(&Unit) -> ApiResult<bool>,
) -> ApiResult<()> {
    check_for(user, &password)?;
    let hash = hash(password).await?;
    let id = UserId(user.id);
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    let refused = || ApiError::unauthenticated("The username or password is wrong.");
    let now = identity.lock_user(id).await?.ok_or_else(refused)?;
    // Whoever was deactivated or got another password meanwhile is not who asked.
    let is_same = now.is_active && now.password_hash == user.password_hash;
    if !is_same || !may(&unit).await? {
        return Err(refused());
    }
    identity.set_password(id, &hash, false).await?;
    identity.delete_logins_of(id).await?;
    unit.audit(AuditRecord {
        actor: Actor::user(user),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "password",
        object_id: Some(user.id),
        action,
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: format!("{action} password of {}", user.username),
        data: json!({}),
    })
    .await?;
    tell(ctx, &unit, user).await;
    unit.commit().await?;
    ctx.app.mailer.wake();
    sessions::forget_all(ctx, id);
    Ok(())
}

/// A mail about it where mail is sent; the change does not depend on it.
async fn tell(ctx: &PublicCtx, unit: &Unit, user: &user::Model) {
    if user.email.is_empty() || !ctx.app.mailer.is_configured() {
        return;
    }
    let Ok(base) = invitation::public_url(ctx) else {
        return;
    };
    let link = format!("{base}{}", reset::ASK_PATH);
    let message = mails::changed(&ctx.workspace, &user.username, link);
    let deadline = store::now() + chrono::TimeDelta::days(1);
    let queued = ctx
        .app
        .mailer
        .queue(
            ctx,
            unit,
            "password_changed",
            &user.email,
            &message,
            deadline,
        )
        .await;
    if let Err(error) = queued {
        tracing::warn!(detail = error.detail, "no mail about a changed password");
    }
}

/// Makes a user change their password before they log in again; their logins end now.
pub(super) async fn require_change(ctx: &Ctx, id: UserId) -> ApiResult<()> {
    ctx.principal.require_scope("user", "update")?;
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    let row = identity.lock_user(id).await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    iam::require_manager(ctx, &row)?;
    if !identity.require_password_change(id).await? {
        return Err(ApiError::conflict(
            "This user has no password here: a directory or another provider keeps it.",
        ));
    }
    identity.delete_logins_of(id).await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "password",
        object_id: Some(row.id),
        action: "require_change",
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: format!("{} must change their password", row.username),
        data: json!({}),
    })
    .await?;
    unit.commit().await?;
    sessions::forget_all(ctx, id);
    Ok(())
}
