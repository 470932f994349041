//! Workspace settings (`rest-identity.md` §21). Only what this version carries out
//! is in them: a setting without effect would be taken for a protection.

use serde::{Deserialize, Serialize};

/// `/api/workspaces/preferences/-/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Preferences {
    /// Language of texts, as `en`.
    pub language: String,
    /// Time zone to show times in, as `Asia/Seoul`.
    pub timezone: String,
    /// Country, two letters.
    pub country: String,
}

/// `/api/workspaces/access-control/-/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AccessControl {
    /// Users may work as root without owning that account.
    pub allow_direct_root: bool,
    /// Told to agents: refuse sudo outside our sessions.
    pub block_local_sudo: bool,
    /// Told to agents: report logins outside our sessions.
    pub detect_local_access: bool,
    /// Longest window of a work session, seconds.
    pub work_session_max_ttl: i64,
    /// Ours: when a work session needs a reviewer: `never`, `agents`,
    /// `non_superusers`, `always`.
    pub work_session_approval: String,
    /// Ours: password logins need a work session for operations on servers.
    pub require_work_session_for_passwords: bool,
    /// Ours: tokens need one too, beside their access-control lists.
    pub require_work_session_for_tokens: bool,
    /// Ours: reviewers who must approve a request.
    pub approvals_needed: i64,
    /// Ours: reviewers may approve their own requests.
    pub allow_self_approval: bool,
    /// Ours: how long a request waits, and an approval holds, seconds.
    pub approval_ttl: i64,
    /// Ours: `{"low", "medium", "high", "critical"}` → `allow`, `allow_and_notify`,
    /// `hold`, `deny`, when a person asks. Absent: critical is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_of_people: Option<serde_json::Value>,
    /// Ours: the same when an agent or a pipeline asks. Absent: high and critical are
    /// held, or denied where nobody could approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk_of_agents: Option<serde_json::Value>,
}

/// `/api/workspaces/security/-/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Security {
    /// Ours: lifetime of a password login, seconds.
    pub password_session_ttl: i64,
}

/// `/api/workspaces/security/-/mfa-methods/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MfaMethods {
    /// Second factors that a user may enrol; none in this version.
    pub allowed_mfa_methods: Vec<String>,
    /// Whether a passkey counts as a second factor.
    pub passkey_as_mfa: bool,
}
