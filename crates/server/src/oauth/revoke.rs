//! Withdrawing tokens (RFC 7009, `rest-identity.md` §6.5 and §9.5).

use chrono::DateTime;
use http::StatusCode;
use serde::Deserialize;

use super::body::Parameters;
use super::claims;
use super::error::{OAuthError, OAuthResult};
use super::grant::Grant;
use crate::crypto::token;
use crate::http::{ApiResult, Ctx, PublicCtx};
use crate::identity::Method;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Revoke {
    client_id: String,
    token: String,
}

/// Ends the grant behind a refresh or an access token. A token that is not known is
/// answered alike: there is nothing to withdraw.
pub(super) async fn revoke(
    ctx: PublicCtx,
    Parameters(request): Parameters<Revoke>,
) -> OAuthResult<StatusCode> {
    if super::client::Client::find(&request.client_id).is_none() {
        return Err(OAuthError::invalid_client());
    }
    let hash = token::hash(&request.token);
    let found = match Grant::find(&ctx, &hash).await? {
        Some(grant) => Some(grant),
        None => of_other_tokens(&ctx, &request.token, &hash).await?,
    };
    if let Some(grant) = found.filter(|grant| grant.login.client == request.client_id) {
        let description = format!("{} logged out", grant.user.username);
        grant.end(&ctx, description).await?;
    }
    Ok(StatusCode::OK)
}

/// The grant behind an access token or a spent refresh token.
async fn of_other_tokens(ctx: &PublicCtx, text: &str, hash: &str) -> OAuthResult<Option<Grant>> {
    if let Some(claims) = claims::verify(&ctx.app, text).await {
        return Ok(Grant::by_id(ctx, claims.home, claims.sid).await?);
    }
    match ctx.tenant().oauth().login_of_spent_token(hash).await? {
        Some(id) => Ok(Grant::by_id(ctx, ctx.workspace_id(), id).await?),
        None => Ok(None),
    }
}

/// Withdraw the access token of this request; the login stays until its refresh token
/// is withdrawn too.
#[utoipa::path(post, path = "/api/auth0/token/blacklist/", tag = "auth",
    responses((status = NO_CONTENT)))]
pub(super) async fn blacklist(ctx: Ctx) -> ApiResult<StatusCode> {
    if let Method::OAuth {
        login,
        home,
        jti,
        expires_at,
        ..
    } = ctx.principal.method
    {
        let unit = ctx.app.store.begin(home).await?;
        let ends = DateTime::from_timestamp(expires_at, 0).unwrap_or_else(store::now);
        unit.tenant()
            .oauth()
            .revoke_access_token(jti, login, ends)
            .await?;
        unit.commit().await?;
        ctx.app.bearers.forget(login);
    }
    Ok(StatusCode::NO_CONTENT)
}
