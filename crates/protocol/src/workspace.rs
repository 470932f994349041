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
}

/// `/api/workspaces/security/-/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Security {
    /// Everybody who logs in needs a second factor.
    pub mfa_required: bool,
    /// A passkey that signs in counts as a second factor too.
    pub passkey_as_mfa: bool,
    /// How long a second factor proves presence, seconds.
    pub mfa_timeout: i64,
    /// Second factors that count: `totp`, `webauthn`. Empty: all.
    pub allowed_mfa_methods: Vec<String>,
    /// What browser logins need presence for: `server`, `command`, `websh`, `webftp`,
    /// `tunnel`, `editor`.
    pub mfa_required_actions: Vec<String>,
    /// Ours: lifetime of a password login, seconds.
    pub password_session_ttl: i64,
}

/// `/api/workspaces/security/-/mfa-methods/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MfaMethods {
    /// Second factors that count: `totp`, `webauthn`. Empty: all.
    pub allowed_mfa_methods: Vec<String>,
    /// A passkey that signs in counts as a second factor too.
    pub passkey_as_mfa: bool,
}
