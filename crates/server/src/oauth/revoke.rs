//! Withdrawing tokens (RFC 7009, `rest-identity.md` §6.5 and §9.5).

use chrono::DateTime;
use http::StatusCode;
use serde::Deserialize;

use super::body::Parameters;
use super::claims;
use super::error::{OAuthError, OAuthResult};
use super::grant::{self, METHOD};
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
    let identity = || ctx.tenant().identity();
    let hash = token::hash(&request.token);
    let found = match identity().login_by_hash(METHOD, &hash).await? {
        Some(found) => Some(found),
        None => match of_other_tokens(&ctx, &request.token, &hash).await? {
            Some(id) => identity().login(id).await?,
            None => None,
        },
    };
    if let Some((login, user)) = found
        && login.client == request.client_id
        && login.method == METHOD
    {
        let description = format!("{} logged out", user.username);
        grant::end(&ctx, &login, &user, description).await?;
    }
    Ok(StatusCode::OK)
}

async fn of_other_tokens(
    ctx: &PublicCtx,
    text: &str,
    hash: &str,
) -> OAuthResult<Option<protocol::id::LoginId>> {
    if let Some(claims) = claims::verify(&ctx.app, text).await
        && claims.org == ctx.workspace.name
    {
        return Ok(Some(claims.sid));
    }
    Ok(ctx.tenant().oauth().login_of_spent_token(hash).await?)
}

/// Withdraw the access token of this request; the login stays until its refresh token
/// is withdrawn too.
#[utoipa::path(post, path = "/api/auth0/token/blacklist/", tag = "auth",
    responses((status = NO_CONTENT)))]
pub(super) async fn blacklist(ctx: Ctx) -> ApiResult<StatusCode> {
    if let Method::OAuth {
        login,
        jti,
        expires_at,
        ..
    } = ctx.principal.method
    {
        let unit = ctx.begin().await?;
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
