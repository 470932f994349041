//! Approval requests (`rest-operations.md` §3).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::iam::UserSummary;
use crate::id::{ApprovalId, CommandId, ServerId, WorkSessionId};

/// What requests are about. The public protocol names more; these have a use here.
pub mod kind {
    /// A new session.
    pub const WORK_SESSION: &str = "work_session";
    /// More for a session that runs.
    pub const WORK_SESSION_MOD: &str = "work_session_mod";
    /// One use of sudo.
    pub const SUDO: &str = "sudo";
    /// Ours: one command.
    pub const COMMAND: &str = "command";
    /// Ours: several commands, each to be run once.
    pub const COMMAND_PLAN: &str = "command_plan";
    /// All of them.
    pub const ALL: [&str; 5] = [WORK_SESSION, WORK_SESSION_MOD, SUDO, COMMAND, COMMAND_PLAN];
}

/// States of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits for a reviewer.
    Pending,
    /// Granted.
    Approved,
    /// Refused.
    Rejected,
    /// Withdrawn, or its subject is gone.
    Cancelled,
    /// Nobody decided in time.
    Expired,
}

impl Status {
    /// All states.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Approved,
        Self::Rejected,
        Self::Cancelled,
        Self::Expired,
    ];

    /// On the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// From the wire.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Approval {
    /// Id.
    pub id: ApprovalId,
    /// See [`kind`].
    pub request_type: String,
    /// One line for people; always a text.
    pub request_data: String,
    /// Why, in the requester's words.
    pub description: String,
    /// See [`Status`].
    pub status: String,
    /// Who asks.
    pub requested_by: Option<UserSummary>,
    /// Who said the last word.
    pub reviewed_by: Option<UserSummary>,
    /// When.
    pub reviewed_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    pub added_at: Option<DateTime<Utc>>,
    /// Ours: it is void after this.
    pub expires_at: Option<DateTime<Utc>>,
    /// Ours: why it was rejected.
    pub reason: String,
    /// Ours: approvals it takes, and has.
    pub needed: i64,
    /// Ours: approvals it has.
    pub given: i64,
    /// Ours: exactly what is approved.
    pub content: Value,
    /// Ours: where.
    pub server: Option<ServerId>,
    /// Ours: in which session.
    pub work_session: Option<WorkSessionId>,
    /// Ours: the command that waits.
    pub command: Option<CommandId>,
    /// Ours: the page on which reviewers decide.
    pub review_url: String,
}

/// `POST /api/approvals/plans/`, an addition of ours: several commands, one decision. Each
/// may then be submitted once, as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreatePlan {
    /// Where they run.
    pub server: ServerId,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// Why, for the reviewer; empty: the purpose of the session.
    pub description: String,
    /// The lines, 1 to 50, none with line breaks.
    pub commands: Vec<String>,
}
