//! Workspace settings that decide something here. Unknown ones are kept by the
//! database, absent ones read as their default.

use judge::risk::RiskActions;
use protocol::workspace::TransferPolicy;
use serde::{Deserialize, Serialize};

use super::ApprovalRule;

/// When a work session needs a reviewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApprovalPolicy {
    /// Never.
    Never,
    /// When an agent asks.
    Agents,
    /// Unless a superuser asks.
    #[default]
    NonSuperusers,
    /// Always.
    Always,
}

impl ApprovalPolicy {
    pub(super) const ALL: [Self; 4] =
        [Self::Never, Self::Agents, Self::NonSuperusers, Self::Always];

    /// As in documents.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Agents => "agents",
            Self::NonSuperusers => "non_superusers",
            Self::Always => "always",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text)
    }
}

/// Workspace settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) language: String,
    /// To show times in.
    pub(crate) timezone: String,
    /// Two letters.
    pub(crate) country: String,
    /// Password logins need a work session for operations on servers.
    pub(crate) require_work_session_for_passwords: bool,
    /// Tokens need one too, beside their ACLs.
    pub(crate) require_work_session_for_tokens: bool,
    pub(crate) work_session_approval: ApprovalPolicy,
    /// Longest window of a work session, seconds.
    pub(crate) work_session_max_ttl: i64,
    /// Everybody who logs in needs a second factor.
    pub(crate) mfa_required: bool,
    /// A passkey that signs in counts as a second factor too.
    pub(crate) passkey_as_mfa: bool,
    /// How long a second factor proves presence, seconds.
    pub(crate) mfa_timeout: i64,
    /// Second factors that count; empty: all.
    pub(crate) allowed_mfa_methods: Vec<String>,
    /// What browser logins need presence for.
    pub(crate) mfa_required_actions: Vec<String>,
    /// Lifetime of a password login, seconds.
    pub(crate) password_session_ttl: i64,
    /// Whoever logged in to another workspace of this server, and proved there and here to
    /// own the same mail address, is logged in here too.
    pub(crate) accept_other_workspaces: bool,
    /// How long an invitation can be taken, seconds.
    pub(crate) invite_ttl: i64,
    /// Domains whose addresses may be invited; none: all.
    pub(crate) allowed_domains: Vec<String>,
    /// Users may work as root without owning that account.
    pub(crate) allow_direct_root: bool,
    /// A second factor of the person lets a call of sudo pass that no policy covers.
    pub(crate) allow_sudo_with_mfa: bool,
    /// Told to agents: refuse sudo outside our sessions.
    pub(crate) block_local_sudo: bool,
    /// Told to agents: report logins outside our sessions.
    pub(crate) detect_local_access: bool,
    /// What transfers let through.
    pub(crate) transfer_policy: TransferPolicy,
    /// Reviewers who must approve a request.
    pub(crate) approvals_needed: i64,
    /// Reviewers may approve their own requests.
    pub(crate) allow_self_approval: bool,
    /// Reviewers may decide outside the browser, after a fresh second factor.
    pub(crate) approve_from_cli: bool,
    /// How long a request waits, and an approval holds, seconds.
    pub(crate) approval_ttl: i64,
    /// What is done at each risk when a person asks.
    pub(crate) risk_of_people: Option<RiskActions>,
    /// The same when an agent or a pipeline asks.
    pub(crate) risk_of_agents: Option<RiskActions>,
    /// Who needs an approval, and whose.
    pub(crate) approval_rules: Vec<ApprovalRule>,
    /// Sessions of agents hold programs that their rules do not allow.
    pub(crate) hold_programs_of_agents: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: "en".to_owned(),
            timezone: "UTC".to_owned(),
            country: String::new(),
            require_work_session_for_passwords: true,
            require_work_session_for_tokens: false,
            work_session_approval: ApprovalPolicy::default(),
            work_session_max_ttl: 30 * 24 * 3600,
            mfa_required: false,
            passkey_as_mfa: true,
            mfa_timeout: 300,
            allowed_mfa_methods: ["totp", "webauthn"].map(str::to_owned).to_vec(),
            mfa_required_actions: Vec::new(),
            password_session_ttl: 24 * 3600,
            accept_other_workspaces: false,
            invite_ttl: 2 * 24 * 3600,
            allowed_domains: Vec::new(),
            allow_direct_root: true,
            allow_sudo_with_mfa: true,
            block_local_sudo: false,
            detect_local_access: false,
            transfer_policy: TransferPolicy::default(),
            approvals_needed: 1,
            allow_self_approval: false,
            approve_from_cli: false,
            approval_ttl: 24 * 3600,
            risk_of_people: None,
            risk_of_agents: None,
            approval_rules: Vec::new(),
            hold_programs_of_agents: false,
        }
    }
}

impl Settings {
    /// The part that agents are told.
    pub(super) fn access_policy(&self) -> (bool, bool) {
        (self.block_local_sudo, self.detect_local_access)
    }
}
