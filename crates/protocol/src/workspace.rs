//! Workspace settings (`rest-identity.md` §21). Only what this version carries out
//! is in them: a setting without effect would be taken for a protection.

use std::collections::BTreeMap;

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
    /// A second factor of the person lets a call of sudo pass that no policy covers.
    pub allow_sudo_with_mfa: bool,
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
    /// Ours: reviewers may decide with a login of the command line, after a fresh second
    /// factor.
    pub approve_from_cli: bool,
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
    /// Ours: who needs an approval and whose; the first rule that matches decides:
    /// `{"name", "approval": "required" | "not_required", "requester_types", "scopes",
    /// "server_tags", "risks", "reviewers", "needed", "recommendations"}`.
    pub approval_rules: Vec<serde_json::Value>,
    /// Ours: sessions of agents with `allow_commands` hold what these do not allow,
    /// instead of denying it.
    pub hold_programs_of_agents: bool,
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
    /// Ours: who logged in to another workspace of this server, and proved there and here
    /// to own the same mail address, is logged in here too.
    pub accept_other_workspaces: bool,
}

/// `/api/workspaces/transfer-policy/-/`, ours: what transfers let through, both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TransferPolicy {
    /// Largest content of one transfer, bytes; 0: as the server is configured.
    pub max_bytes: i64,
    /// Bytes of one requester on their way and waiting at once; 0: no limit of their own.
    pub requester_quota_bytes: i64,
    /// Types that are let through, as `text/*` or `application/zip`, told by the
    /// bytes; none: all.
    pub allowed_types: Vec<String>,
    /// Types that are not, whatever is allowed.
    pub forbidden_types: Vec<String>,
    /// Ends of file names, as `exe`, that are not let through.
    pub forbidden_extensions: Vec<String>,
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

/// A row of `/api/workspaces/workspaces/` (`rest-identity.md` §22).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WorkspaceSummary {
    /// Id.
    pub id: crate::id::WorkspaceId,
    /// Name.
    pub schema_name: String,
}

/// `/api/workspaces/workspaces/{id}/estimate/`: what is used and what it costs. Amounts
/// are decimal text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Estimate {
    /// The time it is about.
    pub billing_period: BillingPeriod,
    /// Currency of all amounts.
    pub currency: String,
    /// What was ordered.
    pub subscription: Subscription,
    /// What is used, by key.
    pub services: BTreeMap<String, ServiceUsage>,
    /// The plan; none where nothing is sold.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub metadata: Option<serde_json::Value>,
}

/// The time that usage is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct BillingPeriod {
    /// First day.
    pub start: String,
    /// Last day.
    pub end: String,
    /// Its days.
    pub total_days: i64,
}

/// What was ordered; empty where nothing is sold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Subscription {
    /// Product, for people.
    pub product_name: String,
    /// Plan, for people.
    pub plan_name: String,
    /// Product, for programs.
    pub product_code: String,
    /// Plan, for programs.
    pub plan_code: String,
    /// Units that the plan holds.
    pub base_quantity: i64,
    /// Price of a unit.
    pub unit_price: String,
    /// Price of all.
    pub sub_total: String,
    /// The time it is ordered for.
    pub period: Period,
}

/// From a day to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Period {
    /// First day.
    pub start: String,
    /// Last day.
    pub end: String,
}

/// What is used of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceUsage {
    /// For people.
    pub name: String,
    /// What is counted.
    pub unit: String,
    /// None: no limit.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<f64>))]
    pub limit: Option<serde_json::Number>,
    /// So far.
    #[cfg_attr(feature = "openapi", schema(value_type = f64))]
    pub current_usage: serde_json::Number,
    /// Cost so far.
    pub current_cost: String,
    /// Cost beyond the limit.
    pub overage_cost: Option<String>,
}
