//! Second factors and presence (`rest-identity.md` §13). Factors of users are ours.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::FactorId;

/// `GET /api/auth0/mfa/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MfaLink {
    /// Address of the page at which the user proves presence.
    pub mfa_url: String,
}

/// `GET /api/auth0/mfa/completion/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MfaCompletion {
    /// Presence was proved for this login within the workspace's `mfa_timeout`.
    pub completed: bool,
}

/// `GET /api/iam/users/{id}/mfa/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct UserMfa {
    /// Oldest first.
    pub factors: Vec<Factor>,
    /// Recovery codes that were not used yet.
    pub recovery_codes: u64,
}

/// A second factor of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Factor {
    /// Id.
    pub id: FactorId,
    /// `totp` or `webauthn`.
    pub method: String,
    /// As its owner calls it.
    pub name: String,
    /// When it was set up.
    pub added_at: DateTime<Utc>,
    /// When it was proved last.
    pub used_at: Option<DateTime<Utc>>,
}
