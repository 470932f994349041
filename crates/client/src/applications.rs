//! Applications and their service tokens, for those who manage them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Api, Error, decode, page, path, servers::LookupRow};

const PATH: &str = "/api/auth/applications/";
const TOKENS: &str = "/api/auth/service-tokens/";

/// A row of the list of applications.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Application {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What kind of program it is.
    pub service_type: String,
    /// Account on hosts; may be empty.
    pub username: String,
    /// False: locked.
    pub is_active: bool,
}

/// An application to be created.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewApplication<'a> {
    /// Name.
    pub name: &'a str,
    /// Free text.
    pub description: &'a str,
    /// What kind of program it is.
    pub service_type: &'a str,
    /// Account on hosts; may be empty.
    pub username: &'a str,
}

/// A row of the list of service tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ServiceToken {
    /// Id.
    pub id: String,
    /// Whose.
    pub application_name: String,
    /// Name.
    pub name: String,
    /// Usable.
    pub enabled: bool,
    /// What it may do.
    pub scopes: Vec<String>,
    /// End; `None`: never.
    #[serde(deserialize_with = "decode::time")]
    pub expires_at: Option<DateTime<Utc>>,
    /// `None`: never used.
    #[serde(deserialize_with = "decode::time")]
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A service token right after its creation: the only time its key is there. No
/// `Debug`, so that the key stays out of logs.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct CreatedServiceToken {
    /// Id.
    pub id: String,
    /// Whose.
    pub application_name: String,
    /// Name.
    pub name: String,
    /// The secret; `None`: it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// RFC 3339; `None`: never.
    pub expires_at: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// All applications.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<Application>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The id of an application; a UUID is taken as it is.
///
/// # Errors
/// When no application has the name or the call fails.
pub async fn id(api: &Api, name_or_id: &str) -> Result<String, Error> {
    LookupRow::id(api, PATH, "application", name_or_id).await
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Creates an application.
///
/// # Errors
/// When the call fails.
pub async fn create(api: &Api, application: &NewApplication<'_>) -> Result<Value, Error> {
    api.post(PATH, application).await
}

/// Sends the whole edited representation back.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, document: &Value) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, document).await
}

/// Locks or unlocks an application.
///
/// # Errors
/// When the call fails.
pub async fn set_active(api: &Api, id: &str, is_active: bool) -> Result<(), Error> {
    update(api, id, &json!({ "is_active": is_active })).await?;
    Ok(())
}

/// Removes an application with its tokens.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// Service tokens of one application, given by id, or of all.
///
/// # Errors
/// When the call fails.
pub async fn tokens(api: &Api, application: Option<&str>) -> Result<Vec<ServiceToken>, Error> {
    let filter: Vec<(&str, String)> = application
        .map(|id| ("application", id.to_owned()))
        .into_iter()
        .collect();
    page::all(api, TOKENS, &filter, None).await
}

/// The id of a service token, named as `APPLICATION/TOKEN`; a UUID is taken as it is.
///
/// # Errors
/// When there is none or the call fails.
pub async fn token_id(api: &Api, name_or_id: &str) -> Result<String, Error> {
    if Uuid::parse_str(name_or_id).is_ok() {
        return Ok(name_or_id.to_owned());
    }
    let not_found = || Error::NotFound {
        noun: "service token (named as APPLICATION/TOKEN)",
        name: name_or_id.to_owned(),
    };
    let (application, name) = name_or_id.split_once('/').ok_or_else(not_found)?;
    let application = id(api, application).await?;
    let filter = [("application", application), ("name", name.to_owned())];
    let rows = api.get(TOKENS, &filter).await?;
    LookupRow::pick(rows, "service token", name)
}

/// Creates a service token for the application given by id. No `scopes`: all that
/// applications may do. `keyless`: without a key, for trust rules.
///
/// # Errors
/// When the call fails.
pub async fn create_token(
    api: &Api,
    application: &str,
    name: &str,
    expires_at: Option<DateTime<Utc>>,
    scopes: &[String],
    keyless: bool,
) -> Result<CreatedServiceToken, Error> {
    let mut body = json!({
        "application": application,
        "name": name,
        "expires_at": expires_at.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)),
        "keyless": keyless,
    });
    if let (Some(body), false) = (body.as_object_mut(), scopes.is_empty()) {
        body.insert("scopes".to_owned(), json!(scopes));
    }
    api.post(TOKENS, &body).await
}

/// Creates a service token with the scopes and rules of another.
///
/// # Errors
/// When the call fails.
pub async fn duplicate_token(
    api: &Api,
    id: &str,
    name: &str,
) -> Result<CreatedServiceToken, Error> {
    let body = match name {
        "" => json!({}),
        name => json!({ "name": name }),
    };
    api.post(&path::join(TOKENS, &[id, "duplicate"])?, &body)
        .await
}

/// Enables or disables a service token.
///
/// # Errors
/// When the call fails.
pub async fn set_token_enabled(api: &Api, id: &str, enabled: bool) -> Result<(), Error> {
    let body = json!({ "enabled": enabled });
    api.patch_json(&path::join(TOKENS, &[id])?, &body).await?;
    Ok(())
}

/// Removes a service token.
///
/// # Errors
/// When the call fails.
pub async fn delete_token(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(TOKENS, &[id])?).await
}
