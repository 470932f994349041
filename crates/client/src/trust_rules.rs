//! Trust rules: which jobs of CI providers get a service token.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Api, Error, decode, page, path, servers::LookupRow};

const PATH: &str = "/api/auth/trust-rules/";

/// A row of the list of trust rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TrustRule {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whose token it gives.
    pub application_name: String,
    /// The token that issued ones are like.
    pub service_token_name: String,
    /// Claim `iss`.
    pub issuer: String,
    /// In the claim `aud`.
    pub audience: String,
    /// Claim to patterns.
    pub conditions: BTreeMap<String, Vec<String>>,
    /// Seconds.
    pub ttl: i64,
    /// In force.
    pub enabled: bool,
    /// `None`: never used.
    #[serde(deserialize_with = "decode::time")]
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A trust rule to be created.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewTrustRule<'a> {
    /// Name.
    pub name: &'a str,
    /// Id of the token that issued ones are like.
    pub service_token: &'a str,
    /// Claim `iss`.
    pub issuer: &'a str,
    /// In the claim `aud`; empty: the address of the workspace.
    pub audience: &'a str,
    /// Claim to patterns.
    pub conditions: BTreeMap<String, Vec<String>>,
    /// Seconds.
    pub ttl: i64,
}

/// All trust rules.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api) -> Result<Vec<TrustRule>, Error> {
    page::all(api, PATH, &[], None).await
}

/// The id of a trust rule; a UUID is taken as it is.
///
/// # Errors
/// When no rule has the name or the call fails.
pub async fn id(api: &Api, name_or_id: &str) -> Result<String, Error> {
    LookupRow::id(api, PATH, "trust rule", name_or_id).await
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Creates a trust rule.
///
/// # Errors
/// When the call fails.
pub async fn create(api: &Api, rule: &NewTrustRule<'_>) -> Result<Value, Error> {
    api.post(PATH, rule).await
}

/// Sends the whole edited representation back.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, document: &Value) -> Result<Value, Error> {
    api.patch_json(&path::join(PATH, &[id])?, document).await
}

/// Puts a rule in or out of force.
///
/// # Errors
/// When the call fails.
pub async fn set_enabled(api: &Api, id: &str, enabled: bool) -> Result<(), Error> {
    update(api, id, &json!({ "enabled": enabled })).await?;
    Ok(())
}

/// Removes a trust rule.
///
/// # Errors
/// When the call fails.
pub async fn delete(api: &Api, id: &str) -> Result<(), Error> {
    api.delete(&path::join(PATH, &[id])?).await
}
