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
    /// How long an invitation can be taken, seconds.
    pub invite_ttl: i64,
    /// Domains whose mail addresses may be invited; none: all.
    pub allowed_domains: Vec<String>,
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
}

/// `/api/workspaces/security/-/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Security {
    /// Ours: lifetime of a password login, seconds.
    pub password_session_ttl: i64,
    /// Ours: who logged in to another workspace of this server, and proved there and here
    /// to own the same mail address, is logged in here too.
    pub accept_other_workspaces: bool,
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
