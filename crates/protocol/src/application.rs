//! Applications and their service tokens: programs with access of their own.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ApplicationId, TokenId};

/// What kinds of application there are, for people.
pub const SERVICE_TYPES: [&str; 4] = ["ci_cd", "monitoring", "automation", "integration"];

/// An application, a row of `/api/auth/applications/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Application {
    /// Id.
    pub id: ApplicationId,
    /// Unique in the workspace.
    pub name: String,
    /// Free text.
    pub description: String,
    /// One of [`SERVICE_TYPES`].
    pub service_type: String,
    /// Account on hosts that it works as where a request names none; may be empty.
    pub username: String,
    /// False: locked.
    pub is_active: bool,
    /// Creation time.
    pub added_at: Option<DateTime<Utc>>,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
}

/// `POST /api/auth/applications/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateApplication {
    /// At most 64 characters.
    pub name: String,
    /// Free text.
    pub description: String,
    /// One of [`SERVICE_TYPES`]; empty: `automation`.
    pub service_type: String,
    /// Account on hosts; may be empty.
    pub username: String,
}

/// A service token, a row of `/api/auth/service-tokens/`. `key` is present only in the
/// answer that creates it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ServiceToken {
    /// Id.
    pub id: TokenId,
    /// Whose it is.
    pub application: ApplicationId,
    /// Its name.
    pub application_name: String,
    /// Unique per application.
    pub name: String,
    /// The secret, shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Usable.
    pub enabled: bool,
    /// `resource:action`, `resource:*` or `*`.
    pub scopes: Vec<String>,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
    /// `null`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// To the minute; `null`: never used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The token it was issued from for a job of a CI provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_from: Option<TokenId>,
}

/// Without the key.
impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceToken")
            .field("id", &self.id)
            .field("application", &self.application)
            .field("name", &self.name)
            .field("enabled", &self.enabled)
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// `POST /api/auth/service-tokens/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateServiceToken {
    /// Whose.
    pub application: ApplicationId,
    /// At most 128 characters.
    pub name: String,
    /// `null`: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Absent: all that applications may do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// It gets no key: trust rules alone make usable tokens from it.
    pub keyless: bool,
}

/// `POST /api/auth/service-tokens/{id}/duplicate/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DuplicateServiceToken {
    /// Absent: made from the name of the original.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}
