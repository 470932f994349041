//! Password login and logout.

use chrono::{SecondsFormat, TimeDelta};
use protocol::auth::{LoginRequest, LoginResponse};
use protocol::id::UserId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::user;
use store::now;

use super::admission::{admit_login, require_own_password};
use super::{Method, Principal};
use crate::crypto;
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, PublicCtx};

/// Longer ones are refused before they are hashed.
const MAX_PASSWORD: usize = 1024;
const MAX_USERNAME: usize = 254;

/// Logs a user in. Unknown users, wrong passwords, inactive users and users
/// without a password all get the same answer after the same work.
pub(crate) async fn log_in(ctx: &PublicCtx, request: LoginRequest) -> ApiResult<LoginResponse> {
    let user = check_password(ctx, &request.username, &request.password).await?;
    let token = Token::generate(token::SESSION)?;
    let ttl = TimeDelta::seconds(ctx.workspace.settings.password_session_ttl);
    let expires_at = now() + ttl;
    let unit = ctx.begin().await?;
    let admitted = admit_login(ctx, &unit, &user)
        .await
        .and_then(|()| require_own_password(&user));
    if let Err(refusal) = admitted {
        unit.audit(failure(ctx, &request.username, &refusal))
            .await?;
        unit.commit().await?;
        return Err(refusal);
    }
    let login = unit
        .tenant()
        .identity()
        .create_login(
            UserId(user.id),
            "password",
            token.hash(),
            &ctx.ip.to_string(),
            expires_at,
        )
        .await?;
    unit.audit(AuditRecord {
        actor: Actor {
            kind: "user",
            id: Some(user.id),
            name: user.username.clone(),
        },
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "login",
        object_id: Some(login.id),
        action: "create",
        status_code: 200,
        description: format!("{} logged in with a password", user.username),
        data: json!({"method": "password"}),
    })
    .await?;
    unit.commit().await?;
    Ok(LoginResponse {
        token: token.reveal().to_owned(),
        expires_at: expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
}

/// The user that `username` and `password` belong to. Unknown users, wrong passwords,
/// inactive users and users without a password all get the same answer after the same work.
pub(crate) async fn check_password(
    ctx: &PublicCtx,
    username: &str,
    password: &str,
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
    let usable = user.filter(|user| user.is_active);
    let stored = usable.as_ref().and_then(|user| user.password_hash.clone());
    let matches = crypto::password::verify(password.to_owned(), stored).await;
    match usable.filter(|_| matches) {
        Some(user) => Ok(user),
        None => refuse(ctx, username).await,
    }
}

async fn refuse<T>(ctx: &PublicCtx, username: &str) -> ApiResult<T> {
    let refusal = ApiError::unauthenticated("The username or password is wrong.");
    let unit = ctx.begin().await?;
    unit.audit(failure(ctx, username, &refusal)).await?;
    unit.commit().await?;
    Err(refusal)
}

fn failure(ctx: &PublicCtx, username: &str, refusal: &ApiError) -> AuditRecord {
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

/// Ends a login. An API token is left alone: clients send this for those too.
pub(crate) async fn log_out(ctx: &PublicCtx, principal: &Principal) -> ApiResult<()> {
    let Method::Password { login } = principal.method else {
        return Ok(());
    };
    let unit = ctx.begin().await?;
    unit.tenant().identity().delete_login(login).await?;
    unit.audit(AuditRecord {
        actor: principal.actor(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "login",
        object_id: Some(login.0),
        action: "delete",
        status_code: 204,
        description: format!("{} logged out", principal.actor().name),
        data: json!({}),
    })
    .await?;
    unit.commit().await?;
    ctx.app.events.close_of(login.0);
    Ok(())
}
