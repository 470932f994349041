//! Login, verification and logout (`rest-identity.md` §5, §7–§9).

use http::Method;
use protocol::auth::{AuthEnvironment, LoginRequest, LoginResponse};
use protocol::onboarding::ChangePassword;
use serde::Deserialize;

use crate::{Api, ApiError, Error, decode};

/// `GET /api/auth/whoami/`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Whoami {
    /// `user` or `application`; never empty on a server that knows this call.
    pub principal_type: String,
    /// How the request was authenticated.
    pub auth: WhoamiAuth,
    /// The application behind a service token.
    pub application: Option<Application>,
    /// Ours: whether operations on servers need a work session.
    pub work_session_required: Option<bool>,
}

/// The `auth` member of [`Whoami`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WhoamiAuth {
    /// Scopes of a token.
    pub scopes: Vec<String>,
}

/// The `application` member of [`Whoami`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Application {
    /// Name.
    pub name: String,
    /// `ci_cd`, `monitoring`, …
    pub service_type: String,
    /// Service account.
    pub username: String,
}

/// How one may log in. Needs no credential.
///
/// # Errors
/// When the server cannot be reached or is none of ours.
pub async fn environment(api: &Api) -> Result<AuthEnvironment, Error> {
    let path = "/api/auth/env/";
    let request = api.request(Method::GET, path, &[("client", "cli".to_owned())])?;
    let (status, body) = api
        .exchange(request.timeout(std::time::Duration::from_secs(30)))
        .await?;
    open_answer(path, status, &body)
}

/// Exchanges name and password for a session token.
///
/// # Errors
/// When the server refuses or does not know password logins (status 404).
pub async fn password_login(api: &Api, login: &LoginRequest) -> Result<LoginResponse, Error> {
    let path = "/api/auth/login/";
    let request = api.request(Method::POST, path, &[])?.json(login);
    let (status, body) = api
        .exchange(request.timeout(std::time::Duration::from_secs(60)))
        .await?;
    open_answer(path, status, &body)
}

/// Replaces a password by who knows it; ends all logins of the user.
///
/// # Errors
/// When the old password is wrong, the new one is refused, or a second factor is missing.
pub async fn change_password(api: &Api, change: &ChangePassword) -> Result<(), Error> {
    api.post_ignoring("/api/auth/password/", change).await
}

/// Whether the server accepts the credential.
///
/// # Errors
/// When it does not.
pub async fn check_token(api: &Api) -> Result<(), Error> {
    let request = api.request(Method::GET, "/api/status/", &[])?;
    let (status, body) = api
        .exchange(request.timeout(std::time::Duration::from_secs(60)))
        .await?;
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(refused(status, &body))
}

/// Who the credential belongs to.
///
/// # Errors
/// When the call fails; status 404 means an older server.
pub async fn whoami(api: &Api) -> Result<Whoami, Error> {
    api.get("/api/auth/whoami/", &[]).await
}

/// Ends a password login; harmless for API tokens.
///
/// # Errors
/// When the call fails.
pub async fn logout(api: &Api) -> Result<(), Error> {
    api.post_ignoring("/api/auth/logout/", &()).await
}

/// Withdraws the access token on the workspace.
///
/// # Errors
/// When the call fails.
pub async fn blacklist_access_token(api: &Api) -> Result<(), Error> {
    api.post_ignoring("/api/auth0/token/blacklist/", &()).await
}

/// The two calls before a login accept statuses 200–302 and any content type.
fn open_answer<T: serde::de::DeserializeOwned>(
    path: &str,
    status: u16,
    body: &[u8],
) -> Result<T, Error> {
    if !(200..=302).contains(&status) {
        return Err(refused(status, body));
    }
    decode::from_slice(body).map_err(|error| Error::Decode {
        what: path.to_owned(),
        reason: error.to_string(),
    })
}

fn refused(status: u16, body: &[u8]) -> Error {
    Error::Api(Box::new(ApiError::from_body(status, body, None)))
}
