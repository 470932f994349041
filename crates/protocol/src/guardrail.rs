//! Guardrails: an addition of ours. What must not happen in a workspace, whatever
//! sessions, tokens and rules allow. The policies are Cedar; see `docs/guardrails.md`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::id::{GuardrailId, ServerId};

/// A guardrail, as `/api/security/guardrails/` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Guardrail {
    /// Id.
    pub id: GuardrailId,
    /// Unique in the workspace.
    pub name: String,
    /// For people.
    pub description: String,
    /// One or more Cedar `forbid` policies.
    pub policy: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Counts changes from 1.
    pub version: i64,
    /// Who changed it last.
    pub changed_by: Option<UserSummary>,
    /// Since when it exists.
    pub added_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// What its author should look at; only in answers to a change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// `POST /api/security/guardrails/`, and `PATCH` of one: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WriteGuardrail {
    /// Up to 64 letters, digits, `-`, `_` and `.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// One or more Cedar `forbid` policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Whether it is in force; a new one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The version that the change was made from; refused where it is not the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
}

/// A guardrail as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GuardrailVersion {
    /// Counts changes from 1.
    pub version: i64,
    /// Its name then.
    pub name: String,
    /// Its policies then.
    pub policy: String,
    /// Whether it was in force.
    pub enabled: bool,
    /// Who made it so.
    pub changed_by: Option<UserSummary>,
    /// When.
    pub added_at: Option<DateTime<Utc>>,
}

/// `POST /api/security/guardrails/validate/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ValidateGuardrail {
    /// Cedar.
    pub policy: String,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ValidatedGuardrail {
    /// Whether it may be stored.
    pub valid: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The ids of its policies.
    pub policies: Vec<String>,
    /// What its author should look at.
    pub warnings: Vec<String>,
}

/// `POST /api/security/guardrails/test/`: what would be decided about an operation.
/// Nothing happens and nothing is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TestGuardrail {
    /// Only this text; absent: all that are in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// `command`, `sudo`, `upload`, `download`, `tunnel`, `websh`, `editor` or
    /// `work_session`.
    pub operation: String,
    /// Where.
    pub server: ServerId,
    /// Username of who would ask; absent: the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `human` (the default), `agent` or `ci`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requester: Option<String>,
    /// Account on the server; absent: the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// From where; absent: the caller's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// When; absent: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// For `command` and `sudo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// For `sudo`; absent: root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_as: Option<String>,
    /// For `upload` and `download`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// For `tunnel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// For `work_session`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// For `work_session`: how long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i64>,
}

/// What guardrails say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct GuardrailOutcome {
    /// `pass`, `hold` or `deny`.
    pub verdict: String,
    /// Name of what decided; absent where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The policy in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
