//! OAuth device login, renewal and revocation (`rest-identity.md` §6).

use std::time::Duration;

use chrono::{Local, SecondsFormat, Utc};
use http::Method;
use protocol::auth::AuthMethod;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::{Api, Config, ConfigStore, Error, auth, decode, device_id};

/// `auth0.method` of servers with browser login.
pub const METHOD: &str = "auth0";
const LOGIN_SCOPES: &str = "openid profile email offline_access cli";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A login that waits for its user.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct DeviceCode {
    device_code: String,
    /// Shown to the user, who compares it.
    pub user_code: String,
    /// Opened in a browser.
    pub verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

/// What a completed login gives.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// For requests.
    pub access_token: String,
    /// For renewal; absent when the server keeps the old one valid.
    pub refresh_token: String,
    /// Lifetime of the access token in seconds; 0: unknown.
    pub expires_in: i64,
    error: String,
    error_description: String,
}

impl Tokens {
    /// When the access token ends, as `config.json` stores it.
    #[must_use]
    pub fn expires_at(&self) -> String {
        if self.expires_in <= 0 {
            return String::new();
        }
        (Local::now() + chrono::Duration::seconds(self.expires_in))
            .to_rfc3339_opts(SecondsFormat::Secs, false)
    }
}

/// Starts a device login. `organisation` is used where the server names none.
///
/// # Errors
/// When the OAuth server refuses.
pub async fn start(
    api: &Api,
    method: &AuthMethod,
    organisation: &str,
    device: Option<&str>,
) -> Result<DeviceCode, Error> {
    let scope = scope(LOGIN_SCOPES, organisation_of(method, organisation), device);
    let body = json!({
        "client_id": method.client_id,
        "scope": scope,
        "audience": method.audience,
    });
    let (status, answer) = call(api, method, "device/code/", &body).await?;
    if status != 200 {
        return Err(Error::Login(format!(
            "the login server refused to start a login (HTTP {status})"
        )));
    }
    decode::from_slice(&answer).map_err(|error| {
        Error::Login(format!(
            "the login server's answer is not understood: {error}"
        ))
    })
}

/// Waits until the user has decided.
///
/// # Errors
/// When the user denies, the code expires or the login server fails.
pub async fn wait(api: &Api, method: &AuthMethod, code: &DeviceCode) -> Result<Tokens, Error> {
    let deadline = Instant::now() + Duration::from_secs(code.expires_in);
    let body = json!({
        "grant_type": DEVICE_GRANT,
        "device_code": code.device_code,
        "client_id": method.client_id,
    });
    let mut interval = Duration::from_secs(code.interval.max(1));
    loop {
        let tokens = token(api, method, &body).await?;
        let error = format!("{} - {}", tokens.error, tokens.error_description);
        if tokens.error.is_empty() && !tokens.access_token.is_empty() {
            return Ok(tokens);
        } else if tokens.error.is_empty() {
            return Err(Error::Login("the login server sent no token".to_owned()));
        } else if error.contains("slow_down") {
            interval += Duration::from_secs(5);
        } else if error.contains("access_denied") {
            return Err(Error::Login("the login was denied".to_owned()));
        } else if error.contains("expired_token") {
            return Err(expired());
        } else if !error.contains("authorization_pending") {
            return Err(Error::Login(format!("the login failed: {error}")));
        }
        if Instant::now() + interval > deadline {
            return Err(expired());
        }
        tokio::time::sleep(interval).await;
    }
}

/// Renews the stored login, stores it and uses it from now on.
///
/// # Errors
/// When there is nothing to renew with or the login server refuses.
pub async fn refresh(api: &Api, store: &ConfigStore, config: &mut Config) -> Result<(), Error> {
    if config.refresh_token.is_empty() {
        return Err(Error::Refresh("this login has no refresh token".to_owned()));
    }
    let tokens = renewed(api, store, config)
        .await
        .map_err(|error| match error {
            Error::Refresh(_) => error,
            other => Error::Refresh(other.to_string()),
        })?;
    // Read again: another process may have changed other members meanwhile.
    let mut stored = store.load()?.unwrap_or_else(|| config.clone());
    stored.access_token_expires_at = tokens.expires_at();
    stored.access_token = tokens.access_token;
    if !tokens.refresh_token.is_empty() {
        stored.refresh_token = tokens.refresh_token;
    }
    store.save(&stored)?;
    *config = stored;
    api.set_credential(&config.credential())
}

/// Renews the login when its access token is about to end.
///
/// # Errors
/// Like [`refresh`].
pub async fn refresh_if_needed(
    api: &Api,
    store: &ConfigStore,
    config: &mut Config,
) -> Result<(), Error> {
    if config.needs_refresh(Utc::now()) {
        refresh(api, store, config).await?;
    }
    Ok(())
}

/// Withdraws the refresh token.
///
/// # Errors
/// When the login server does not answer 200.
pub async fn revoke(api: &Api, method: &AuthMethod, refresh_token: &str) -> Result<(), Error> {
    let body = json!({ "client_id": method.client_id, "token": refresh_token });
    match call(api, method, "revoke/", &body).await? {
        (200, _) => Ok(()),
        (status, _) => Err(Error::Login(format!(
            "the login server did not withdraw the token (HTTP {status})"
        ))),
    }
}

async fn renewed(api: &Api, store: &ConfigStore, config: &Config) -> Result<Tokens, Error> {
    let environment = auth::environment(api).await?;
    let method = &environment.auth0;
    let organisation = organisation_of(method, &config.workspace_name);
    let device = device_id::load_or_create(store).ok();
    let body = |device: Option<&str>| {
        json!({
            "grant_type": "refresh_token",
            "client_id": method.client_id,
            "refresh_token": config.refresh_token,
            "scope": scope("cli", organisation, device),
        })
    };
    let mut tokens = token(api, method, &body(device.as_deref())).await?;
    let scope_refused = matches!(tokens.error.as_str(), "invalid_scope" | "invalid_request");
    if scope_refused && device.is_some() {
        tokens = token(api, method, &body(None)).await?;
    }
    if !tokens.error.is_empty() || tokens.access_token.is_empty() {
        return Err(Error::Refresh(match tokens.error.as_str() {
            "" => "the login server sent no token".to_owned(),
            error => error.to_owned(),
        }));
    }
    Ok(tokens)
}

/// The status is ignored: the body says whether it worked.
async fn token(api: &Api, method: &AuthMethod, body: &serde_json::Value) -> Result<Tokens, Error> {
    let (status, answer) = call(api, method, "token/", body).await?;
    decode::from_slice(&answer).map_err(|_| {
        Error::Login(format!(
            "the login server's answer is not understood (HTTP {status})"
        ))
    })
}

async fn call(
    api: &Api,
    method: &AuthMethod,
    endpoint: &str,
    body: &serde_json::Value,
) -> Result<(u16, Vec<u8>), Error> {
    let url = format!("https://{}/oauth/{endpoint}", method.domain);
    let request = api.foreign(Method::POST, &url)?.json(body);
    api.exchange(request).await
}

fn organisation_of<'a>(method: &'a AuthMethod, fallback: &'a str) -> &'a str {
    match method.schema_name.as_str() {
        "" => fallback,
        name => name,
    }
}

fn scope(base: &str, organisation: &str, device: Option<&str>) -> String {
    let device = device.map_or_else(String::new, |id| format!(" device:{id}"));
    format!("{base} org:{organisation}{device}")
}

fn expired() -> Error {
    Error::Login("the login was not completed in time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_name_the_organisation_and_the_device() {
        assert_eq!(scope("cli", "acme", None), "cli org:acme");
        assert_eq!(scope("cli", "acme", Some("d1")), "cli org:acme device:d1");
        let named = AuthMethod {
            schema_name: "own".into(),
            ..AuthMethod::default()
        };
        assert_eq!(organisation_of(&named, "acme"), "own");
        assert_eq!(organisation_of(&AuthMethod::default(), "acme"), "acme");
    }

    #[test]
    fn an_unknown_lifetime_is_stored_as_none() {
        assert_eq!(Tokens::default().expires_at(), "");
    }
}
