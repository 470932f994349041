//! Password login and logout.

use chrono::{SecondsFormat, TimeDelta};
use protocol::auth::{LoginRequest, LoginResponse};
use protocol::id::UserId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::identity::NewLogin;
use store::now;

use super::admission::{admit_login, require_own_password};
use super::password_check::{check_password, failure};
use super::sign_in::{Factors, factors_json};
use super::{Method, Principal, sessions};
use crate::crypto::token::{self, Token};
use crate::http::{ApiResult, PublicCtx};
use crate::mfa;

/// Logs a user in with a password, for the API.
pub(crate) async fn log_in(ctx: &PublicCtx, request: LoginRequest) -> ApiResult<LoginResponse> {
    let user = check_password(ctx, &request.username, &request.password, None).await?;
    // Whoever must change the password is refused below; no code is spent on that.
    let factors = if user.must_change_password {
        Factors::new()
    } else {
        mfa::check_login(ctx, &user, &request.otp).await?
    };
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
        .create_login(NewLogin {
            remote_ip: ctx.ip.to_string(),
            factors: factors_json(&factors),
            ..NewLogin::new(UserId(user.id), "password", token.hash(), expires_at)
        })
        .await?;
    unit.audit(AuditRecord {
        actor: Actor::user(&user),
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
    let Some(login) = principal.login() else {
        return Ok(());
    };
    // The login of a person may be of another workspace; so is its record.
    let home = match principal.method {
        Method::OAuth { home, .. } => home,
        _ => ctx.workspace_id(),
    };
    let unit = ctx.app.store.begin(home).await?;
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
    sessions::forget(ctx, login);
    Ok(())
}
