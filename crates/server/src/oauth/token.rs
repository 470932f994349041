//! The token endpoint (RFC 6749 §3.2, `rest-identity.md` §6.2–6.3).

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, header};
use protocol::id::{LoginId, UserId};
use protocol::trust::TOKEN_EXCHANGE;
use serde::Deserialize;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::{device_code, login, user};
use store::now;
use store::oauth::{APPROVED, DENIED, PENDING};

use super::authorization;
use super::body::Parameters;
use super::client::Client;
use super::error::{OAuthError, OAuthResult};
use super::grant::{self, Agreement, Grant, Tokens};
use super::scope::Scope;
use super::token_exchange;
use crate::crypto::token::{self, Token};
use crate::http::PublicCtx;
use crate::identity::browser::user_agent;

/// `grant_type` of the device grant.
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// A grant notes that it was used at most so often: some clients refresh each second.
const NOTE_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Parameters of all grant types.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Exchange {
    grant_type: String,
    pub(super) client_id: String,
    device_code: String,
    refresh_token: String,
    scope: String,
    pub(super) code: String,
    pub(super) redirect_uri: String,
    pub(super) code_verifier: String,
    pub(super) subject_token: String,
    pub(super) subject_token_type: String,
    pub(super) actor_token: String,
    /// Ours: the trust rule to use.
    pub(super) rule: String,
}

pub(super) async fn exchange(
    ctx: PublicCtx,
    headers: HeaderMap,
    Parameters(request): Parameters<Exchange>,
) -> OAuthResult<Response> {
    if request.grant_type == TOKEN_EXCHANGE {
        return token_exchange::exchange(&ctx, &request).await;
    }
    let client = Client::find(&request.client_id).ok_or_else(OAuthError::invalid_client)?;
    let tokens = match (request.grant_type.as_str(), client) {
        (DEVICE_GRANT, Client::Cli) => device(&ctx, &request).await?,
        ("authorization_code", Client::Console) => {
            authorization::exchange(&ctx, &request, user_agent(&headers)).await?
        }
        ("refresh_token", _) => refresh(&ctx, client, &request).await?,
        (DEVICE_GRANT | "authorization_code", _) => {
            return Err(OAuthError::new(
                "unauthorized_client",
                "This client may not use this grant type.",
            ));
        }
        _ => {
            return Err(OAuthError::new(
                "unsupported_grant_type",
                "The grant type is not supported.",
            ));
        }
    };
    let mut response = Json(tokens).into_response();
    let no_cache = HeaderValue::from_static("no-cache");
    response.headers_mut().insert(header::PRAGMA, no_cache);
    Ok(response)
}

/// The device asks whether its user has decided. There is no `slow_down`: the public
/// CLI would stop.
async fn device(ctx: &PublicCtx, request: &Exchange) -> OAuthResult<Tokens> {
    let row = ctx
        .tenant()
        .oauth()
        .device_code(&token::hash(&request.device_code))
        .await?
        .filter(|row| row.client == request.client_id)
        .ok_or_else(OAuthError::invalid_grant)?;
    if row.expires_at <= now() {
        return Err(OAuthError::new(
            "expired_token",
            "The code has expired; start the login again.",
        ));
    }
    match row.status.as_str() {
        PENDING => Err(OAuthError::new(
            "authorization_pending",
            "The user has not decided yet.",
        )),
        DENIED => Err(OAuthError::new(
            "access_denied",
            "The user refused the login.",
        )),
        APPROVED => redeem(ctx, row).await,
        _ => Err(OAuthError::invalid_grant()),
    }
}

async fn redeem(ctx: &PublicCtx, row: device_code::Model) -> OAuthResult<Tokens> {
    let user = row.user_id.ok_or_else(OAuthError::invalid_grant)?;
    let scope = Scope::parse(&row.scope).ok_or_else(OAuthError::invalid_grant)?;
    let unit = ctx.begin().await?;
    if !unit.tenant().oauth().use_device_code(row.id).await? {
        return Err(OAuthError::invalid_grant());
    }
    let agreement = Agreement {
        user: UserId(user),
        client: Client::Cli,
        scope,
        factors: row.factors,
        remote_ip: row.remote_ip,
        user_agent: row.user_agent,
    };
    let (login, user, refresh) = grant::create(ctx, &unit, agreement).await?;
    unit.commit().await?;
    Ok(grant::tokens(ctx, &login, &user, Some(&refresh), Some("")).await?)
}

/// A refresh never narrows the grant, and what it claims is read anew.
async fn refresh(ctx: &PublicCtx, client: Client, request: &Exchange) -> OAuthResult<Tokens> {
    let hash = token::hash(&request.refresh_token);
    let Some(grant) = Grant::find(ctx, &hash).await? else {
        reused(ctx, &hash).await?;
        return Err(OAuthError::invalid_grant());
    };
    let Grant { home, login, user } = grant;
    let holds = login.client == client.id() && login.expires_at > now() && user.is_active;
    if !holds {
        return Err(OAuthError::invalid_grant());
    }
    let scope = Scope::parse(&request.scope)
        .ok_or_else(|| OAuthError::new("invalid_scope", "The scope is too long."))?;
    if scope
        .organisation
        .is_some_and(|name| name != ctx.workspace.name)
    {
        return Err(OAuthError::new(
            "invalid_scope",
            "The scope names a workspace that this login is not for.",
        ));
    }
    // The person must be somebody in the workspace that the token is asked for.
    let here = grant::user_here(ctx, home, user.clone()).await?;
    if here.is_none() {
        return Err(OAuthError::invalid_grant());
    }
    if client.rotates() {
        if home != ctx.workspace_id() {
            return Err(OAuthError::invalid_grant());
        }
        return rotate(ctx, &login, &user, &hash).await;
    }
    if login.seen_at.is_none_or(|time| now() - time > NOTE_EVERY) {
        let unit = ctx.app.store.begin(home).await?;
        let renewed = unit
            .tenant()
            .identity()
            .renew_login(LoginId(login.id), grant::expires_at(), &ctx.ip.to_string())
            .await;
        match renewed {
            Ok(()) => unit.commit().await?,
            Err(store::StoreError::Stale) => return Err(OAuthError::invalid_grant()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(grant::tokens(ctx, &login, &user, None, None).await?)
}

async fn rotate(
    ctx: &PublicCtx,
    login: &login::Model,
    user: &user::Model,
    old_hash: &str,
) -> OAuthResult<Tokens> {
    let id = LoginId(login.id);
    let refresh = Token::generate(token::REFRESH)?;
    let unit = ctx.begin().await?;
    let is_current = unit
        .tenant()
        .oauth()
        .rotate_refresh_token(id, old_hash, &refresh.hash())
        .await?;
    if !is_current {
        drop(unit);
        reused(ctx, old_hash).await?;
        return Err(OAuthError::invalid_grant());
    }
    unit.tenant()
        .identity()
        .renew_login(id, grant::expires_at(), &ctx.ip.to_string())
        .await?;
    unit.commit().await?;
    Ok(grant::tokens(ctx, login, user, Some(&refresh), None).await?)
}

/// A refresh token that was spent is used again: it is in two hands, and nobody can
/// tell which is the thief's. The grant ends.
async fn reused(ctx: &PublicCtx, hash: &str) -> OAuthResult<()> {
    let Some(id) = ctx.tenant().oauth().login_of_spent_token(hash).await? else {
        return Ok(());
    };
    let Some((login, user)) = ctx.tenant().identity().login(id).await? else {
        return Ok(());
    };
    let unit = ctx.begin().await?;
    unit.audit(AuditRecord {
        actor: Actor::user(&user),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "login",
        object_id: Some(login.id),
        action: "deny",
        status_code: 400,
        description: format!("a spent refresh token of {} was used again", user.username),
        data: json!({"client": login.client}),
    })
    .await?;
    unit.commit().await?;
    let reason = format!(
        "the login of {} ended: its refresh token was reused",
        user.username
    );
    Ok(grant::end(ctx, &login, &user, reason).await?)
}
