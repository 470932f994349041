//! A browser that comes back from a provider with a code: the code becomes an ID token,
//! and the ID token who somebody is at the provider.

use serde::Deserialize;
use serde_json::Value;
use store::entity::identity_provider;
use store::now;
use subtle::ConstantTimeEq as _;

use super::depart::{PURPOSE, Secrets, out_of_order};
use super::identity::MAX_SUBJECT;
use super::provider::{SECRET_PURPOSE, SOURCE};
use super::{redirect_uri, settings};
use crate::crypto::token;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::identity::browser::Browser;
use crate::oidc::{self, Claims, Metadata, OidcError};

/// How old an ID token may be that was asked for just now, seconds.
const MAX_AGE: i64 = 600;
/// Longest state and code.
const MAX_PARAMETER: usize = 4096;

/// What a provider gives the browser.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Arrival {
    state: String,
    code: String,
    iss: String,
    error: String,
}

/// Who came back.
pub(super) struct Arrived {
    pub(super) claims: Claims,
    pub(super) subject: String,
    pub(super) next: String,
}

/// The answer of a token endpoint.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: String,
}

/// Finishes what [`super::depart`] began, in the browser that began it.
pub(super) async fn arrive(
    ctx: &PublicCtx,
    browser: &Browser,
    provider: &identity_provider::Model,
    arrival: &Arrival,
) -> ApiResult<Arrived> {
    let (secrets, next) = departure(ctx, browser, provider, arrival).await?;
    if !arrival.error.is_empty() {
        return Err(refused(provider, &arrival.error));
    }
    let failed = |error: OidcError| out_of_order(provider, &error);
    let metadata = ctx.app.issuers.metadata(&provider.issuer).await;
    let metadata = metadata.map_err(failed)?;
    check_issuer(&metadata, &arrival.iss).map_err(failed)?;
    let tokens = redeem(ctx, provider, &metadata, &secrets, &arrival.code).await;
    let tokens = tokens.map_err(failed)?;
    let audience = [provider.client_id.as_str()];
    let verified = ctx
        .app
        .issuers
        .verify(&tokens.id_token, &provider.issuer, &audience);
    let mut claims = verified.await.map_err(failed)?;
    check(&claims, &tokens, &provider.client_id, &secrets.nonce).map_err(failed)?;
    let subject = claims.text("sub").unwrap_or_default().to_owned();
    if lacks_something(&claims, provider) && !metadata.userinfo_endpoint.is_empty() {
        let more = ctx
            .app
            .issuers
            .fetcher()
            .json_for(&metadata.userinfo_endpoint, &tokens.access_token);
        let more = more.await.map_err(failed)?;
        complete(&mut claims, more).map_err(failed)?;
    }
    Ok(Arrived {
        claims,
        subject,
        next,
    })
}

/// Uses the departure up: its state came from us, to this browser, for this provider.
async fn departure(
    ctx: &PublicCtx,
    browser: &Browser,
    provider: &identity_provider::Model,
    arrival: &Arrival,
) -> ApiResult<(Secrets, String)> {
    let void = || {
        ApiError::invalid(
            SOURCE,
            "This sign-in was not started here, is finished, or took too long; start again.",
        )
    };
    let is_long = |text: &String| text.len() > MAX_PARAMETER;
    if arrival.state.is_empty() || is_long(&arrival.state) || is_long(&arrival.code) {
        return Err(void());
    }
    let hash = token::hash(&arrival.state);
    let row = ctx.tenant().federation().departure(&hash).await?;
    let row = row.ok_or_else(void)?;
    let is_ours = row.provider_id == provider.id
        && token::same_hash(&row.browser, &browser.binding())
        && row.expires_at > now();
    if !is_ours {
        return Err(void());
    }
    let unit = ctx.begin().await?;
    if !unit.tenant().federation().arrive(&hash).await? {
        return Err(void());
    }
    unit.commit().await?;
    let plain = ctx.app.keys.sealing.open(PURPOSE, &row.sealed);
    let plain = plain.map_err(ApiError::internal)?;
    let secrets = serde_json::from_slice(&plain).map_err(ApiError::internal)?;
    Ok((secrets, row.next))
}

/// What the provider refused, in its own word if that is one of the standard's.
fn refused(provider: &identity_provider::Model, error: &str) -> ApiError {
    let is_word = error.len() <= 64 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let word = if is_word { error } else { "unknown" };
    ApiError::forbidden(format!("{} refused the sign-in ({word}).", provider.name))
}

/// The answer must come from the provider that was asked (RFC 9207).
fn check_issuer(metadata: &Metadata, given: &str) -> Result<(), OidcError> {
    let is_missing = given.is_empty() && metadata.authorization_response_iss_parameter_supported;
    if is_missing || (!given.is_empty() && given != metadata.issuer) {
        return Err(OidcError::Token("came with the answer of another issuer"));
    }
    Ok(())
}

async fn redeem(
    ctx: &PublicCtx,
    provider: &identity_provider::Model,
    metadata: &Metadata,
    secrets: &Secrets,
    code: &str,
) -> Result<Tokens, OidcError> {
    let redirect = redirect_uri(&ctx.base_url, &provider.slug);
    let secret = match &provider.sealed_secret {
        None => None,
        Some(sealed) => {
            let plain = ctx.app.keys.sealing.open(SECRET_PURPOSE, sealed).ok();
            let plain = plain.and_then(|plain| String::from_utf8(plain).ok());
            Some(plain.ok_or(OidcError::Metadata("its client secret cannot be read"))?)
        }
    };
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect.as_str()),
        ("code_verifier", secrets.verifier.as_str()),
    ];
    let mut basic = None;
    match &secret {
        Some(secret) if !metadata.takes_secret_in_form_only() => {
            basic = Some((provider.client_id.as_str(), secret.as_str()));
        }
        Some(secret) => {
            fields.push(("client_id", provider.client_id.as_str()));
            fields.push(("client_secret", secret.as_str()));
        }
        None => fields.push(("client_id", provider.client_id.as_str())),
    }
    let fetcher = ctx.app.issuers.fetcher();
    let (status, body) = fetcher
        .form(&metadata.token_endpoint, &fields, basic)
        .await?;
    if status != 200 {
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let error = answer.get("error").and_then(Value::as_str);
        return Err(OidcError::Refused(
            error
                .unwrap_or("no reason given")
                .chars()
                .take(64)
                .collect(),
        ));
    }
    serde_json::from_slice(&body).map_err(|_| OidcError::Token("did not come"))
}

/// What an ID token must say besides what [`oidc`] checked (OpenID Connect Core 1.0
/// §3.1.3.7).
fn check(claims: &Claims, tokens: &Tokens, client_id: &str, nonce: &str) -> Result<(), OidcError> {
    let said = claims.text("nonce").unwrap_or_default();
    if !bool::from(said.as_bytes().ct_eq(nonce.as_bytes())) {
        return Err(OidcError::Token("was made for another sign-in"));
    }
    let party = claims.text("azp");
    let is_shared = claims.texts("aud").len() > 1;
    if party.is_some_and(|party| party != client_id) || (is_shared && party.is_none()) {
        return Err(OidcError::Token("was made for another client"));
    }
    let issued = claims.seconds("iat").unwrap_or_default();
    if now().timestamp().saturating_sub(issued) > MAX_AGE {
        return Err(OidcError::Token("is older than the sign-in"));
    }
    if let Some(hash) = claims.text("at_hash")
        && !oidc::access_token_hash_matches(&tokens.id_token, &tokens.access_token, hash)
    {
        return Err(OidcError::Token("came with an access token of another"));
    }
    if claims.text("sub").unwrap_or_default().len() > MAX_SUBJECT {
        return Err(OidcError::Token("names nobody"));
    }
    Ok(())
}

/// Whether what the settings use is not in the ID token; some providers tell it only
/// when asked for the user.
fn lacks_something(claims: &Claims, provider: &identity_provider::Model) -> bool {
    let wants_email = settings::read::<Vec<String>>(&provider.scopes)
        .iter()
        .any(|scope| scope == "email");
    let lacks = |name: &str| !claims.0.contains_key(name);
    (wants_email && (lacks("email") || lacks("email_verified")))
        || (!provider.group_claim.is_empty() && lacks(&provider.group_claim))
}

/// Adds what the provider tells of the user, if it is the same one. What the signed
/// token says stays.
fn complete(claims: &mut Claims, more: Value) -> Result<(), OidcError> {
    let Value::Object(more) = more else {
        return Err(OidcError::Token("came with an unreadable user"));
    };
    if more.get("sub").and_then(Value::as_str) != claims.text("sub") {
        return Err(OidcError::Token("came with another user"));
    }
    for (name, value) in more {
        // Who says so, and how they signed in, is not for this answer to say.
        if !PROTOCOL_CLAIMS.contains(&name.as_str()) {
            claims.0.entry(name).or_insert(value);
        }
    }
    Ok(())
}

/// Claims about the token and the authentication, which only the token itself may make.
const PROTOCOL_CLAIMS: [&str; 12] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "azp",
    "nonce",
    "acr",
    "amr",
    "auth_time",
    "at_hash",
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: &Value) -> Claims {
        Claims(value.as_object().unwrap().clone())
    }

    #[test]
    fn an_id_token_is_for_this_sign_in_and_this_client() {
        let tokens = Tokens {
            id_token: "x".to_owned(),
            access_token: String::new(),
        };
        let good = json!({
            "nonce": "n", "aud": "me", "iat": now().timestamp(), "sub": "1",
        });
        assert!(check(&claims(&good), &tokens, "me", "n").is_ok());
        for (name, value) in [
            ("nonce", json!("other")),
            ("nonce", json!("")),
            ("nonce", Value::Null),
            ("azp", json!("other")),
            ("aud", json!(["me", "other"])),
            ("iat", json!(now().timestamp() - MAX_AGE - 10)),
            ("iat", json!(i64::MIN)),
            ("iat", Value::Null),
            ("at_hash", json!("wrong")),
            ("sub", json!("x".repeat(256))),
        ] {
            let mut bad = good.clone();
            bad[name] = value.clone();
            assert!(
                check(&claims(&bad), &tokens, "me", "n").is_err(),
                "{name} {value}"
            );
        }
        let mut shared = good;
        shared["aud"] = json!(["me", "other"]);
        shared["azp"] = json!("me");
        assert!(check(&claims(&shared), &tokens, "me", "n").is_ok());
    }

    #[test]
    fn the_answer_names_the_provider_that_was_asked() {
        let mut metadata = Metadata {
            issuer: "https://a".to_owned(),
            ..Metadata::default()
        };
        assert!(check_issuer(&metadata, "").is_ok());
        assert!(check_issuer(&metadata, "https://a").is_ok());
        assert!(check_issuer(&metadata, "https://b").is_err());
        metadata.authorization_response_iss_parameter_supported = true;
        assert!(check_issuer(&metadata, "").is_err());
    }

    #[test]
    fn userinfo_adds_and_overrules_nothing() {
        let mut known = claims(&json!({"sub": "1", "email": "a@x"}));
        let more = json!({
            "sub": "1", "email": "b@x", "email_verified": true, "amr": ["mfa"], "acr": "high",
            "groups": ["g"],
        });
        complete(&mut known, more).unwrap();
        assert_eq!(known.text("email"), Some("a@x"));
        assert_eq!(known.texts("groups"), ["g"]);
        assert!(known.texts("amr").is_empty() && known.text("acr").is_none());
        assert!(complete(&mut known, json!({"sub": "2"})).is_err());
        assert!(complete(&mut known, json!([])).is_err());
    }
}
