//! Password login and logout.

use chrono::{SecondsFormat, TimeDelta};
use protocol::auth::{LoginRequest, LoginResponse};
use protocol::id::UserId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::identity::NewLogin;
use store::now;

use super::password_check::check_password;
use super::sign_in::factors_json;
use super::{Method, Principal};
use crate::crypto::token::{self, Token};
use crate::http::{ApiResult, PublicCtx};
use crate::mfa;

/// Logs a user in with a password, for the API.
pub(crate) async fn log_in(ctx: &PublicCtx, request: LoginRequest) -> ApiResult<LoginResponse> {
    let user = check_password(ctx, &request.username, &request.password, None).await?;
    let factors = mfa::check_login(ctx, &user, &request.otp).await?;
    let token = Token::generate(token::SESSION)?;
    let ttl = TimeDelta::seconds(ctx.workspace.settings.password_session_ttl);
    let expires_at = now() + ttl;
    let unit = ctx.begin().await?;
    let login = unit
        .tenant()
        .identity()
        .create_login(NewLogin {
            remote_ip: ctx.ip.to_string(),
            factors: factors_json(&factors),
            ..NewLogin::new(UserId(user.id), "password", token.hash(), expires_at)
        })
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
        data: json!({
            "method": "password",
            "factors": factors.keys().collect::<Vec<_>>(),
        }),
    })
    .await?;
    unit.commit().await?;
    Ok(LoginResponse {
        token: token.reveal().to_owned(),
        expires_at: expires_at.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
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
