//! Logging a job of a CI provider in, without a stored secret: the provider signs a
//! token for the job, and the workspace exchanges it (RFC 8693).

use http::Method;
use protocol::trust::{ID_TOKEN, TOKEN_EXCHANGE};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use crate::{Api, Error, decode};

/// Where a GitHub job asks for its token.
#[derive(Clone)]
pub struct TokenRequest {
    /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub url: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub bearer: String,
}

/// What a job got.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Exchanged {
    access_token: String,
    error_description: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Signed {
    value: String,
}

/// Asks GitHub for the job's token.
///
/// # Errors
/// When the address is not one to send a secret to, or gives no token.
pub async fn github_token(
    api: &Api,
    request: &TokenRequest,
    audience: &str,
) -> Result<String, Error> {
    let failed = |why: &str| Error::Login(format!("GitHub gave no token for this job: {why}"));
    let mut url = Url::parse(&request.url).map_err(|_| failed("its address is no URL"))?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() != "https" && !is_local {
        return Err(failed("its address does not begin with https://"));
    }
    url.query_pairs_mut().append_pair("audience", audience);
    let asked = api
        .foreign(Method::GET, url.as_str())?
        .bearer_auth(&request.bearer);
    let (status, body) = api.exchange(asked).await?;
    if status != 200 {
        return Err(failed(&format!("HTTP {status}")));
    }
    let signed: Signed =
        decode::from_slice(&body).map_err(|_| failed("its answer is not understood"))?;
    match signed.value.as_str() {
        "" => Err(failed("its answer holds none")),
        _ => Ok(signed.value),
    }
}

/// Exchanges the job's token for a service token of the workspace. `rule`: the name of
/// the trust rule, where several would do.
///
/// # Errors
/// When no rule lets the job in, or the call fails.
pub async fn exchange(api: &Api, token: &str, rule: Option<&str>) -> Result<String, Error> {
    let body = json!({
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": token,
        "subject_token_type": ID_TOKEN,
        "rule": rule.unwrap_or_default(),
    });
    let request = api.request(Method::POST, "/oauth/token/", &[])?.json(&body);
    let (status, answer) = api.exchange(request).await?;
    let answer: Exchanged = decode::from_slice(&answer).unwrap_or_default();
    match (status, answer.access_token.as_str()) {
        (200, token) if !token.is_empty() => Ok(answer.access_token),
        _ if !answer.error_description.is_empty() => Err(Error::Login(answer.error_description)),
        _ => Err(Error::Login(format!(
            "the workspace did not exchange the token of this job (HTTP {status})"
        ))),
    }
}
