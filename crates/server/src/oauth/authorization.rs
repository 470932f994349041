//! Authorization codes: given out once a user agreed, exchanged once.

use chrono::TimeDelta;
use protocol::id::{LoginId, UserId};
use store::entity::authorization_code;
use store::now;
use store::oauth::NewAuthorizationCode;
use url::Url;

use super::authorize::Request;
use super::client::Client;
use super::error::{OAuthError, OAuthResult};
use super::grant::{self, Agreement, Tokens};
use super::pkce;
use super::scope::Scope;
use super::token::Exchange;
use crate::crypto::token::{self, Token};
use crate::http::{ApiResult, PublicCtx};
use crate::identity::browser::Session;

/// The browser fetches its page and exchanges the code at once.
const TTL: TimeDelta = TimeDelta::seconds(60);

/// The redirect with a new code for what the user of `session` agreed to.
pub(super) async fn issue(ctx: &PublicCtx, session: &Session, request: &Request) -> ApiResult<Url> {
    let code = Token::generate(token::CODE)?;
    let unit = ctx.begin().await?;
    unit.tenant()
        .oauth()
        .create_authorization_code(NewAuthorizationCode {
            user: session.user_id(),
            code_hash: code.hash(),
            client: request.client.id().to_owned(),
            redirect_uri: request.redirect_text.clone(),
            scope: request.scope.granted(&ctx.workspace.name),
            nonce: request.nonce.clone(),
            challenge: request.challenge.clone(),
            factors: session.login.factors.clone(),
            remote_ip: ctx.ip.to_string(),
            user_agent: session.login.user_agent.clone(),
            expires_at: now() + TTL,
        })
        .await?;
    unit.commit().await?;
    let mut url = request.redirect_uri.clone();
    url.query_pairs_mut()
        .append_pair("code", code.reveal())
        .append_pair("state", &request.state)
        .append_pair("iss", &ctx.base_url);
    Ok(url)
}

/// Exchanges a code for tokens.
pub(super) async fn exchange(
    ctx: &PublicCtx,
    request: &Exchange,
    user_agent: String,
) -> OAuthResult<Tokens> {
    let row = ctx
        .tenant()
        .oauth()
        .authorization_code(&token::hash(&request.code))
        .await?
        .filter(|row| row.client == request.client_id)
        .ok_or_else(OAuthError::invalid_grant)?;
    if row.used {
        replayed(ctx, &row).await?;
        return Err(OAuthError::invalid_grant());
    }
    let holds = row.expires_at > now()
        && row.redirect_uri == request.redirect_uri
        && pkce::verifies(&row.challenge, &request.code_verifier);
    let unit = ctx.begin().await?;
    if !holds {
        // Somebody has the code but not what belongs to it: nobody may use it now.
        unit.tenant()
            .oauth()
            .use_authorization_code(row.id, None)
            .await?;
        unit.commit().await?;
        return Err(OAuthError::invalid_grant());
    }
    let agreement = Agreement {
        user: UserId(row.user_id),
        client: Client::Console,
        scope: Scope::parse(&row.scope).ok_or_else(OAuthError::invalid_grant)?,
        factors: row.factors,
        remote_ip: ctx.ip.to_string(),
        user_agent,
    };
    let (login, user, refresh) = grant::create(ctx, &unit, agreement).await?;
    let is_first = unit
        .tenant()
        .oauth()
        .use_authorization_code(row.id, Some(LoginId(login.id)))
        .await?;
    if !is_first {
        return Err(OAuthError::invalid_grant());
    }
    unit.commit().await?;
    Ok(grant::tokens(ctx, &login, &user, Some(&refresh), Some(&row.nonce)).await?)
}

/// A code is used again: what it was exchanged for ends (RFC 6749 §4.1.2).
async fn replayed(ctx: &PublicCtx, row: &authorization_code::Model) -> OAuthResult<()> {
    let Some(id) = row.login_id else {
        return Ok(());
    };
    if let Some((login, user)) = ctx.tenant().identity().login(LoginId(id)).await? {
        let reason = format!(
            "the login of {} ended: its code was used again",
            user.username
        );
        grant::end(ctx, &login, &user, reason).await?;
    }
    Ok(())
}
