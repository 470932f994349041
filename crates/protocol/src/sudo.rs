//! Asking about sudo on a host (`agent-channels.md` §7).

use serde::{Deserialize, Serialize};

/// The `type` of [`SudoRequest`].
pub const APPROVAL: &str = "sudo_approval";
/// The `type` of [`SudoDecision`].
pub const APPROVAL_RESPONSE: &str = "sudo_approval_response";
/// The `query` of the control message that carries a decision.
pub const CONTROL: &str = "control";

/// The request could not be tied to a session or command.
pub const SESSION_MISSING: &str = "SUDO_SESSION_MISSING";
/// The work session lacks the `sudo` scope.
pub const SCOPE_NOT_ALLOWED: &str = "WORK_SESSION_SCOPE_NOT_ALLOWED";
/// The command has no accountable user.
pub const NOT_AUTHORIZED: &str = "SUDO_COMMAND_NOT_AUTHORIZED";
/// No policy covers the command.
pub const NO_POLICY: &str = "SUDO_NO_WORKSESSION_POLICY";
/// A policy covers it, but asks for a second factor that nobody can give here.
pub const MFA_REQUIRED: &str = "SUDO_POLICY_MFA_REQUIRED";
/// The person who asked must prove to be there, then call it again.
pub const PRESENCE_REQUIRED: &str = "SUDO_PRESENCE_REQUIRED";
/// It would take a second factor, and the workspace does not take one for sudo.
pub const MFA_DISABLED: &str = "WORKSPACE_SUDO_WITH_MFA_DISABLED";
/// A reviewer was asked; the command can be run again once they agree.
pub const APPROVAL_REQUIRED: &str = "SUDO_APPROVAL_REQUIRED";
/// The risk is too high.
pub const RISK_DENIED: &str = "SUDO_RISK_DENIED";

/// One call of sudo: what the plugin says of it, and in which session the agent saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SudoCall {
    /// Chosen by the plugin; the same on every retry.
    pub request_id: String,
    /// Account that called sudo.
    pub username: String,
    /// Its first group.
    pub groupname: String,
    /// The sudo process.
    pub pid: i64,
    /// Its parent.
    pub ppid: i64,
    /// The command as a line.
    pub command: String,
    /// Called inside a session of ours.
    pub is_alpacon_user: bool,
    /// The terminal it was called in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The command it was called in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
}

/// What the agent asks: `POST /api/sudo/approval/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SudoRequest {
    /// [`APPROVAL`].
    #[serde(rename = "type")]
    pub kind: String,
    /// About what.
    #[serde(flatten)]
    pub call: SudoCall,
    /// Ours: the command as words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// Ours: the account it would run as. Empty: not told.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub run_as: String,
}

/// The decision: the call again, and the answer. To the agent as `data` of a control
/// message, from the agent to the plugin as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SudoDecision {
    /// [`APPROVAL_RESPONSE`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Echo.
    #[serde(flatten)]
    pub call: SudoCall,
    /// The decision.
    pub approved: bool,
    /// Why, for the host's log.
    pub reason: String,
    /// Machine code of a denial: `[A-Z0-9_]{1,63}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

impl SudoDecision {
    /// An answer about `call`.
    #[must_use]
    pub fn about(call: SudoCall, approved: bool, reason: &str) -> Self {
        Self {
            kind: APPROVAL_RESPONSE.to_owned(),
            call,
            approved,
            reason: reason.to_owned(),
            error_code: None,
        }
    }
}
