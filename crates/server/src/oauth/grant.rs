//! Grants: what a client holds once a user has agreed, and the tokens it gets for it.

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use protocol::id::{LoginId, UserId, WorkspaceId};
use serde::Serialize;
use serde_json::{Value as Json, json};
use store::audit::{Actor, AuditRecord};
use store::entity::{login, user};
use store::identity::NewLogin;
use store::{Unit, now};

use super::claims::{self, TTL};
use super::client::Client;
use super::error::{OAuthError, OAuthResult};
use super::scope::Scope;
use crate::crypto::token::{self, Token};
use crate::http::{ApiResult, PublicCtx};
use crate::identity::admission::admit_login;
use crate::identity::sessions;
use crate::workspace::reach;

/// Stored as the method of its logins.
pub(crate) const METHOD: &str = "oauth";
/// A refresh token that is not used for so long ends.
const IDLE: TimeDelta = TimeDelta::days(30);

/// What a user agreed to.
pub(super) struct Agreement {
    pub(super) user: UserId,
    pub(super) client: Client,
    pub(super) scope: Scope,
    /// The factors of the browser in which they agreed.
    pub(super) factors: Json,
    pub(super) remote_ip: String,
    pub(super) user_agent: String,
}

/// What a client gets (RFC 6749 §5.1).
#[derive(Serialize)]
pub(super) struct Tokens {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    scope: String,
}

/// A grant, wherever in this deployment it was made.
pub(super) struct Grant {
    pub(super) home: WorkspaceId,
    pub(super) login: login::Model,
    /// The user there.
    pub(super) user: user::Model,
}

impl Grant {
    /// The grant behind a refresh token.
    pub(super) async fn find(ctx: &PublicCtx, hash: &str) -> ApiResult<Option<Self>> {
        let store = &ctx.app.store;
        let Some(home) = store.workspace_of_login(METHOD, hash).await? else {
            return Ok(None);
        };
        let found = store
            .tenant(home)
            .identity()
            .login_by_hash(METHOD, hash)
            .await?;
        Ok(found.map(|(login, user)| Self { home, login, user }))
    }

    /// The grant with this id in the workspace `home`.
    pub(super) async fn by_id(
        ctx: &PublicCtx,
        home: WorkspaceId,
        id: LoginId,
    ) -> ApiResult<Option<Self>> {
        let found = ctx.app.store.tenant(home).identity().login(id).await?;
        Ok(found
            .filter(|(login, _)| login.method == METHOD)
            .map(|(login, user)| Self { home, login, user }))
    }

    /// Ends it, its tokens and what listens with it.
    pub(super) async fn end(&self, ctx: &PublicCtx, description: String) -> ApiResult<()> {
        end_in(ctx, self.home, &self.login, &self.user, description).await
    }
}

/// Who the user of a grant made in `home` is in the workspace of `ctx`.
pub(super) async fn user_here(
    ctx: &PublicCtx,
    home: WorkspaceId,
    user: user::Model,
) -> ApiResult<Option<user::Model>> {
    if home == ctx.workspace_id() {
        return Ok(Some(user));
    }
    let Some(id) = reach::user_here(ctx, home, UserId(user.id)).await? else {
        return Ok(None);
    };
    let here = ctx.tenant().identity().user(id).await?;
    Ok(here.filter(|user| user.is_active))
}

/// Until when a grant holds that is used now.
pub(super) fn expires_at() -> DateTime<Utc> {
    now() + IDLE
}

/// Makes the grant; its user must still be active.
pub(super) async fn create(
    ctx: &PublicCtx,
    unit: &Unit,
    agreement: Agreement,
) -> OAuthResult<(login::Model, user::Model, Token)> {
    let identity = unit.tenant().identity();
    let user = identity
        .user(agreement.user)
        .await?
        .filter(|user| user.is_active)
        .ok_or_else(OAuthError::invalid_grant)?;
    // What a locked user agreed to before is refused too.
    admit_login(ctx, unit, &user)
        .await
        .map_err(|refusal| OAuthError::new("access_denied", refusal.detail))?;
    let refresh = Token::generate(token::REFRESH)?;
    let login = identity
        .create_login(NewLogin {
            remote_ip: agreement.remote_ip,
            client: agreement.client.id().to_owned(),
            device: agreement.scope.device.clone().unwrap_or_default(),
            user_agent: agreement.user_agent,
            scope: agreement.scope.granted(&ctx.workspace.name),
            factors: agreement.factors,
            ..NewLogin::new(agreement.user, METHOD, refresh.hash(), expires_at())
        })
        .await?;
    let name = agreement.client.name();
    unit.audit(AuditRecord {
        actor: Actor::user(&user),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "login",
        object_id: Some(login.id),
        action: "create",
        status_code: StatusCode::OK.as_u16(),
        description: format!("{} logged in with the {name}", user.username),
        data: json!({"method": METHOD, "client": login.client, "device": login.device}),
    })
    .await?;
    Ok((login, user, refresh))
}

/// New tokens of a grant. `refresh` is given out where the client is to use it from
/// now on; `nonce` where it wants an id token.
pub(super) async fn tokens(
    ctx: &PublicCtx,
    login: &login::Model,
    user: &user::Model,
    refresh: Option<&Token>,
    nonce: Option<&str>,
) -> ApiResult<Tokens> {
    let wants_id = login.scope.split(' ').any(|word| word == "openid");
    let id_token = match nonce.filter(|_| wants_id) {
        Some(nonce) => Some(claims::id_token(ctx, login, user, nonce)?),
        None => None,
    };
    Ok(Tokens {
        access_token: claims::access_token(ctx, login, user).await?,
        token_type: "Bearer",
        expires_in: TTL.num_seconds(),
        refresh_token: refresh.map(|token| token.reveal().to_owned()),
        id_token,
        scope: login.scope.clone(),
    })
}

/// Ends a grant of this workspace, its tokens and what listens with it.
pub(super) async fn end(
    ctx: &PublicCtx,
    login: &login::Model,
    user: &user::Model,
    description: String,
) -> ApiResult<()> {
    end_in(ctx, ctx.workspace_id(), login, user, description).await
}

async fn end_in(
    ctx: &PublicCtx,
    home: WorkspaceId,
    login: &login::Model,
    user: &user::Model,
    description: String,
) -> ApiResult<()> {
    let id = LoginId(login.id);
    let unit = ctx.app.store.begin(home).await?;
    if unit.tenant().identity().delete_login(id).await? {
        unit.audit(AuditRecord {
            actor: Actor::user(user),
            ip: ctx.ip.to_string(),
            app: "auth",
            model: "login",
            object_id: Some(login.id),
            action: "delete",
            status_code: StatusCode::OK.as_u16(),
            description,
            data: json!({"method": METHOD, "client": login.client}),
        })
        .await?;
    }
    unit.commit().await?;
    sessions::forget(ctx, id);
    Ok(())
}
