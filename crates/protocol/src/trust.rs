//! Trust in CI providers: which jobs may exchange a token of their provider for a
//! short-lived service token (RFC 8693). An addition of ours.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ApplicationId, TokenId, TrustRuleId};

/// `grant_type` of the exchange (RFC 8693 §2.1).
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// `subject_token_type` of an OpenID Connect token (RFC 8693 §3).
pub const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// `subject_token_type` of any JWT.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// `issued_token_type` of what is given out.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Jobs of GitHub Actions.
pub const GITHUB: &str = "https://token.actions.githubusercontent.com";
/// Jobs of gitlab.com.
pub const GITLAB: &str = "https://gitlab.com";

/// Claim to patterns, of which one must match. `*` matches within a part between `/`
/// and `:`, `**` anything.
pub type Conditions = BTreeMap<String, Vec<String>>;

/// A trust rule, a row of `/api/auth/trust-rules/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TrustRule {
    /// Id.
    pub id: TrustRuleId,
    /// Unique in the workspace.
    pub name: String,
    /// Whose token it gives.
    pub application: ApplicationId,
    /// Its name.
    pub application_name: String,
    /// The service token whose scopes and access rules an issued one gets.
    pub service_token: TokenId,
    /// Its name.
    pub service_token_name: String,
    /// Exactly as in the claim `iss`.
    pub issuer: String,
    /// What the claim `aud` must name.
    pub audience: String,
    /// What other claims must be.
    pub conditions: Conditions,
    /// Lifetime of what is issued, seconds.
    pub ttl: i64,
    /// In force.
    pub enabled: bool,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
    /// `null`: never used.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// `POST /api/auth/trust-rules/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateTrustRule {
    /// Letters, digits, `-`, `_` and `.`; at most 64.
    pub name: String,
    /// The service token whose scopes and access rules an issued one gets.
    pub service_token: TokenId,
    /// Claim `iss`: an `https://` address, exactly as the provider writes it.
    pub issuer: String,
    /// What the claim `aud` must name; empty: the address of the workspace.
    pub audience: String,
    /// At least one.
    pub conditions: Conditions,
    /// Lifetime of what is issued, 60 to 3600 seconds; 0: 900.
    pub ttl: i64,
}
