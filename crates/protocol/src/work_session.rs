//! Work sessions (`rest-operations.md` §2).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::guard::Program;
use crate::iam::UserSummary;
use crate::id::{ServerId, SudoPolicyId, WorkSessionId};
use crate::server::ServerSummary;

/// Every scope a work session may hold, sorted.
pub const SCOPES: [&str; 6] = ["command", "editor", "sudo", "tunnel", "webftp", "websh"];

/// `requester_type` of people.
pub const REQUESTER_USER: &str = "user";
/// `requester_type` of AI agents and token principals.
pub const REQUESTER_AGENT: &str = "agent";

/// State of a work session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for a reviewer.
    Pending,
    /// Granted, not started.
    Approved,
    /// Usable.
    Active,
    /// Ended by its owner.
    Completed,
    /// Refused by a reviewer.
    Rejected,
    /// Its window is over.
    Expired,
    /// Ended by a superuser.
    Revoked,
    /// Withdrawn before a decision.
    Cancelled,
}

impl Status {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Approved,
        Self::Active,
        Self::Completed,
        Self::Rejected,
        Self::Expired,
        Self::Revoked,
        Self::Cancelled,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether nothing leads out of this state.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Approved | Self::Active)
    }
}

/// A work session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WorkSession {
    /// Id.
    pub id: WorkSessionId,
    /// Short title.
    pub title: String,
    /// Purpose, Markdown.
    pub description: String,
    /// See [`Status`].
    pub status: String,
    /// `user` or `agent`.
    pub requester_type: String,
    /// Operations allowed, see [`SCOPES`].
    pub scopes: Vec<String>,
    /// Servers allowed.
    pub servers: Vec<ServerSummary>,
    /// Who asked.
    pub created_by: Option<UserSummary>,
    /// Who may use it.
    pub assigned_user: Option<UserSummary>,
    /// The approval request, once there is one.
    pub approval_request_id: Option<String>,
    /// Scheduled start.
    pub starts_at: Option<DateTime<Utc>>,
    /// End of the window.
    pub expires_at: Option<DateTime<Utc>>,
    /// Actual start.
    pub started_at: Option<DateTime<Utc>>,
    /// Actual end.
    pub completed_at: Option<DateTime<Utc>>,
    /// Creation time.
    pub added_at: Option<DateTime<Utc>>,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
    /// Sudo policies.
    pub sudo_policies: Option<Vec<SudoPolicy>>,
    /// What the approver changed.
    pub adjustments: Option<serde_json::Value>,
    /// Advice to the requester.
    pub recommendations: Option<Vec<Recommendation>>,
    /// Ours: globs of allowed simple commands; empty: the scope alone decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_commands: Vec<String>,
    /// Ours: globs of allowed paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_paths: Vec<String>,
    /// Ours: allowed target ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_ports: Vec<String>,
    /// Ours: on the host, programs that no rule allows wait for the answer of a
    /// superuser instead of being killed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hold_programs: bool,
    /// Ours: why a pending session waits, when nobody could approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_detail: Option<String>,
    /// Ours: the least that was enforced about any of its commands, see
    /// [`crate::guard::Level`]; absent before the first, and in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<String>,
}

/// A sudo policy inside a work session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SudoPolicy {
    /// Set by the server; sent back to keep a policy, absent on a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<SudoPolicyId>,
    /// Globs of commands run through sudo.
    pub commands: Vec<String>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Needs no second factor.
    pub allow_bypass_mfa: bool,
}

/// Advice attached to a work session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Recommendation {
    /// Id.
    pub id: String,
    /// Text.
    pub text: String,
    /// Free word, for example `high`.
    pub severity: String,
    /// `admin_added` or `ai_suggested`.
    pub source: String,
    /// The server can check it by itself.
    pub auto_checkable: bool,
}

/// `POST /api/work-sessions/sessions/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateWorkSession {
    /// Purpose.
    pub description: String,
    /// Short title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `user` or `agent`.
    pub requester_type: String,
    /// Operations.
    pub scopes: Vec<String>,
    /// Server ids.
    pub servers: Vec<ServerId>,
    /// Scheduled start; absent: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// End of the window.
    pub expires_at: Option<DateTime<Utc>>,
    /// Sudo policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sudo_policies: Vec<SudoPolicy>,
    /// Ours, see [`WorkSession::allow_commands`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_commands: Vec<String>,
    /// Ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_paths: Vec<String>,
    /// Ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_ports: Vec<String>,
    /// Ours, see [`WorkSession::hold_programs`]; needs `allow_commands`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hold_programs: bool,
}

/// `PATCH /api/work-sessions/sessions/{id}/`: absent members stay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct UpdateWorkSession {
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Full replacement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Full replacement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<ServerId>>,
    /// Only while pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// Only while pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Full replacement; entries with an id are kept or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_policies: Option<Vec<SudoPolicy>>,
}

/// `POST …/{id}/extend/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ExtendWorkSession {
    /// The new end of the window.
    pub expires_at: Option<DateTime<Utc>>,
}

/// One event of a session's timeline: flat, unused members absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TimelineItem {
    /// `command`, `websh_session`, `tunnel_session`, `ftp_session`, `file_upload`,
    /// `file_download`, `sudo_grant`, `websh_record`.
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339.
    pub timestamp: Option<String>,
    /// Id of the command, session or file.
    pub id: String,
    /// Where.
    pub server_id: Option<String>,
    /// Account on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Group on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groupname: Option<String>,
    /// `null`: still open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// `cli`, `web`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_type: Option<String>,
    /// `system` or `internal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
    /// Command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// Refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<bool>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed_time: Option<f64>,
    /// Ours, of a command: how well it was guarded, see [`crate::guard::Level`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<String>,
    /// Ours, of a command: how many programs it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_count: Option<i64>,
    /// Ours, of a command: how many programs were denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_program_count: Option<i64>,
    /// Ours, of a command, with `include_programs=true`: the first of them, and all
    /// that were held or denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programs: Option<Vec<Program>>,
    /// Of a tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_tunnel: Option<bool>,
    /// Of a tunnel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_port: Option<i64>,
    /// Ours, of a tunnel: connections through it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<i64>,
    /// Ours, of a tunnel: bytes towards the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<i64>,
    /// Ours, of a tunnel: bytes from the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_received: Option<i64>,
    /// Of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Of a file, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// Of a sudo grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// Of a sudo grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Of a sudo grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Of a sudo grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_time: Option<bool>,
    /// Of a recording: its websh session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Of a recording: terminal output, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked_record: Option<String>,
}
