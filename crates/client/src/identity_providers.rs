//! Identity providers that people sign in with.

use chrono::{DateTime, Utc};
use protocol::federation::CreateIdentityProvider;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Api, Error, decode, page, path, servers::LookupRow};

const PATH: &str = "/api/auth/identity-providers/";

/// A row of the list of identity providers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct IdentityProvider {
    /// Id.
    pub id: String,
    /// In addresses.
    pub slug: String,
    /// On the button.
    pub name: String,
    /// Claim `iss`.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Verified addresses link.
    pub link_by_email: bool,
    /// Unknown people get an account.
    pub provision: bool,
    /// Offered.
    pub enabled: bool,
}

/// Somebody at a provider.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// Id.
    pub id: String,
    /// Claim `sub`.
    pub subject: String,
    /// Id of the user here.
    pub user: String,
    /// Mail address as the provider last told it.
    pub email: String,
    /// `None`: never signed in.
    #[serde(deserialize_with = "decode::time")]
    pub last_login_at: Option<DateTime<Utc>>,
    /// What linked them.
    pub rule: String,
}

/// All providers.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<IdentityProvider>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The id of a provider, named by its slug; a UUID is taken as it is.
///
/// # Errors
/// When no provider has the slug or the call fails.
pub async fn id(api: &Api, slug_or_id: &str) -> Result<String, Error> {
    LookupRow::id(api, PATH, "identity provider", slug_or_id).await
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Creates a provider.
///
/// # Errors
/// When the call fails.
pub async fn create(api: &Api, provider: &CreateIdentityProvider) -> Result<Value, Error> {
    api.post(PATH, provider).await
}

/// Sends the whole edited representation back.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, document: &Value) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, document).await
}

/// Replaces the client secret; an empty one removes it.
///
/// # Errors
/// When the call fails.
pub async fn set_secret(api: &Api, id: &str, secret: &str) -> Result<(), Error> {
    update(api, id, &json!({ "client_secret": secret })).await?;
    Ok(())
}

/// Offers a provider or takes it off the sign-in page.
///
/// # Errors
/// When the call fails.
pub async fn set_enabled(api: &Api, id: &str, enabled: bool) -> Result<(), Error> {
    update(api, id, &json!({ "enabled": enabled })).await?;
    Ok(())
}

/// Removes a provider with all links to it.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// Who is linked to a provider.
///
/// # Errors
/// When the call fails.
pub async fn identities(api: &Api, id: &str) -> Result<Vec<Identity>, Error> {
    page::all(api, &path::join(PATH, &[id, "identities"])?, &[], None).await
}

/// Links somebody at a provider to a user, both by id.
///
/// # Errors
/// When the call fails.
pub async fn link(api: &Api, id: &str, subject: &str, user: &str) -> Result<Value, Error> {
    let body = json!({ "subject": subject, "user": user });
    api.post(&path::join(PATH, &[id, "identities"])?, &body)
        .await
}

/// Removes a link.
///
/// # Errors
/// When the call fails.
pub async fn unlink(api: &Api, id: &str, identity: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id, "identities", identity])?)
        .await
}
