//! Checking a name and a password, for the API and for the sign-in page.

use protocol::id::UserId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::user;

use super::guesses::Acquaintance;
use crate::crypto::password;
use crate::http::{ApiError, ApiResult, PublicCtx};

/// Longer ones are refused before they are hashed.
const MAX_PASSWORD: usize = 1024;
const MAX_USERNAME: usize = 254;

/// The user that `username` and `password` belong to. Unknown users, wrong
/// passwords, inactive users and users without a password all get the same answer
/// after the same work. `familiar` is the user whose mark the caller's browser bears.
pub(crate) async fn check_password(
    ctx: &PublicCtx,
    username: &str,
    password: &str,
    familiar: Option<UserId>,
) -> ApiResult<user::Model> {
    ctx.app.login_limiter.check(ctx.ip)?;
    if username.is_empty() {
        return Err(ApiError::missing("login", "username"));
    }
    if password.is_empty() {
        return Err(ApiError::missing("login", "password"));
    }
    if password.len() > MAX_PASSWORD || username.len() > MAX_USERNAME {
        return Err(ApiError::invalid(
            "login",
            "The username or password is too long.",
        ));
    }
    let user = ctx.tenant().identity().user_by_name(username).await?;
    let acquaintance = acquaintance(ctx, user.as_ref(), familiar).await?;
    let guess = ctx.app.guesses.take(
        ctx.workspace_id(),
        username,
        acquaintance,
        "Too many wrong passwords for this account from unknown places; wait and try again.",
    )?;
    let usable = user.filter(|user| user.is_active);
    let stored = usable.as_ref().and_then(|user| user.password_hash.clone());
    let matches = password::verify(password.to_owned(), stored).await;
    let Some(user) = usable.filter(|_| matches) else {
        let refusal = ApiError::unauthenticated("The username or password is wrong.");
        let unit = ctx.begin().await?;
        unit.audit(failure(ctx, username, &refusal)).await?;
        unit.commit().await?;
        return Err(refusal);
    };
    ctx.app.guesses.give_back(&guess);
    Ok(user)
}

/// Asked for unknown users too, so that they take as long.
pub(crate) async fn acquaintance(
    ctx: &PublicCtx,
    user: Option<&user::Model>,
    familiar: Option<UserId>,
) -> ApiResult<Acquaintance> {
    let id = user.map_or_else(UserId::default, |user| UserId(user.id));
    let ip = ctx.ip.to_string();
    let seen_here = ctx.tenant().identity().has_login_from(id, &ip).await?;
    Ok(match (seen_here, familiar) {
        (true, _) => Acquaintance::Known(ip),
        (false, Some(known)) if known == id => Acquaintance::Known("browser".to_owned()),
        (false, _) => Acquaintance::Stranger,
    })
}

/// The record of a refused login.
pub(super) fn failure(ctx: &PublicCtx, username: &str, refusal: &ApiError) -> AuditRecord {
    AuditRecord {
        actor: Actor {
            kind: "anonymous",
            id: None,
            name: username.to_owned(),
        },
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "login",
        object_id: None,
        action: "deny",
        status_code: refusal.status.as_u16(),
        description: "failed password login".to_owned(),
        data: json!({"method": "password", "code": refusal.code}),
    }
}
