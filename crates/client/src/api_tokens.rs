//! API tokens of the caller (`rest-identity.md` §19).

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::{Api, Error, applications, decode, page, path, servers::LookupRow};

const PATH: &str = "/api/auth/tokens/";

/// An API token, without its key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ApiToken {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Usable.
    pub enabled: bool,
    /// Last change.
    #[serde(deserialize_with = "decode::time")]
    pub updated_at: Option<DateTime<Utc>>,
    /// End; `None`: never.
    #[serde(deserialize_with = "decode::time")]
    pub expires_at: Option<DateTime<Utc>>,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// A token right after its creation: the only time its key is there. No `Debug`, so
/// that the key stays out of logs.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct CreatedToken {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The secret.
    pub key: String,
    /// RFC 3339; `None`: never.
    pub expires_at: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
}

/// What the caller may grant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scopes {
    /// Scopes by resource.
    pub resources: Vec<Resource>,
    /// Scopes that cover several.
    pub wildcards: Vec<String>,
}

/// A resource that scopes name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Before the colon.
    pub name: String,
    /// After the colon.
    pub actions: Vec<String>,
    /// Access rules that bound it too.
    pub acl: Vec<String>,
}

/// All tokens of the caller.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<ApiToken>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The id of a token of the caller; a UUID is taken as it is, and `APPLICATION/TOKEN`
/// is a service token.
///
/// # Errors
/// When no token has the name or the call fails.
pub async fn id(api: &Api, name_or_id: &str) -> Result<String, Error> {
    if name_or_id.contains('/') {
        return applications::token_id(api, name_or_id).await;
    }
    LookupRow::id(api, PATH, "API token", name_or_id).await
}

/// Creates a token. `expires_at` `None`: it never ends. No `scopes`: it may do all
/// that its owner may.
///
/// # Errors
/// When the call fails.
pub async fn create(
    api: &Api,
    name: &str,
    expires_at: Option<DateTime<Utc>>,
    scopes: &[String],
) -> Result<CreatedToken, Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        name: &'a str,
        expires_at: Option<String>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        scopes: &'a [String],
    }
    let body = Body {
        name,
        expires_at: expires_at.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true)),
        scopes,
    };
    api.post(PATH, &body).await
}

/// Creates a token with the scopes and access rules of another. Without a name the
/// server makes one.
///
/// # Errors
/// When the call fails.
pub async fn duplicate(api: &Api, id: &str, name: &str) -> Result<CreatedToken, Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(skip_serializing_if = "str::is_empty")]
        name: &'a str,
    }
    api.post(&path::join(PATH, &[id, "duplicate"])?, &Body { name })
        .await
}

/// Removes a token: it is of no use from now on.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}

/// What the caller may grant.
///
/// # Errors
/// When the call fails.
pub async fn scopes(api: &Api) -> Result<Scopes, Error> {
    api.get(&path::join(PATH, &["scopes"])?, &[]).await
}
