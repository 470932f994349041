//! Sending a browser to a provider.

use chrono::TimeDelta;
use protocol::id::ProviderId;
use serde::{Deserialize, Serialize};
use store::entity::identity_provider;
use store::federation::NewFederatedLogin;
use store::now;
use url::Url;

use super::{redirect_uri, settings};
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::browser::Browser;
use crate::oauth::pkce_challenge;
use crate::oidc::OidcError;

/// How long somebody may take at the provider.
const TTL: TimeDelta = TimeDelta::minutes(10);
/// What nonce and verifier are sealed for.
pub(super) const PURPOSE: &str = "federated login";

/// What only we know of a sign-in that is away.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) nonce: String,
    pub(super) verifier: String,
}

/// Starts a sign-in and gives the address at the provider. It can be finished by this
/// browser only, once, within ten minutes.
pub(super) async fn depart(
    ctx: &PublicCtx,
    browser: &Browser,
    provider: &identity_provider::Model,
    next: &str,
) -> ApiResult<Url> {
    ctx.app.login_limiter.check(ctx.ip)?;
    let metadata = ctx.app.issuers.metadata(&provider.issuer).await;
    let metadata = metadata.map_err(|error| out_of_order(provider, &error))?;
    let state = Token::generate("")?;
    let secrets = Secrets {
        nonce: token::random_text(token::LENGTH)?,
        verifier: token::random_text(token::LENGTH)?,
    };
    let plain = serde_json::to_vec(&secrets).map_err(ApiError::internal)?;
    let sealed = ctx.app.keys.sealing.seal(PURPOSE, &plain);
    let unit = ctx.begin().await?;
    unit.tenant()
        .federation()
        .depart(NewFederatedLogin {
            state_hash: state.hash(),
            provider: ProviderId(provider.id),
            browser: browser.binding(),
            sealed: sealed.map_err(ApiError::internal)?,
            next: next.to_owned(),
            expires_at: now() + TTL,
        })
        .await?;
    unit.commit().await?;
    let addresses = ctx.app.issuers.fetcher().addresses();
    let mut url = addresses
        .check(&metadata.authorization_endpoint)
        .map_err(|error| out_of_order(provider, &error.into()))?;
    let mut scope = vec!["openid".to_owned()];
    scope.extend(settings::read::<Vec<String>>(&provider.scopes));
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.client_id)
        .append_pair("redirect_uri", &redirect_uri(&ctx.base_url, &provider.slug))
        .append_pair("scope", &scope.join(" "))
        .append_pair("state", state.reveal())
        .append_pair("nonce", &secrets.nonce)
        .append_pair("code_challenge", &pkce_challenge(&secrets.verifier))
        .append_pair("code_challenge_method", "S256");
    Ok(url)
}

/// What people hear of a provider that does not do its part. The operator reads more.
pub(super) fn out_of_order(provider: &identity_provider::Model, error: &OidcError) -> ApiError {
    tracing::warn!(provider = provider.slug, %error, "sign-in with a provider failed");
    match error {
        OidcError::Unavailable { .. } => ApiError::unavailable(format!(
            "{} cannot be reached at the moment; try again, or sign in another way.",
            provider.name
        )),
        _ => ApiError::forbidden(format!(
            "{} did not prove who you are; try again, or ask an administrator.",
            provider.name
        )),
    }
}
