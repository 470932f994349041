//! Commands (`rest-operations.md` §4).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::id::{CommandId, ServerId, WorkSessionId};
use crate::server::ServerSummary;

/// `shell` of what a user runs.
pub const SHELL_SYSTEM: &str = "system";
/// `shell` of orders to the agent itself.
pub const SHELL_INTERNAL: &str = "internal";

/// `POST /api/events/commands/`.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SubmitCommand {
    /// `system`.
    pub shell: String,
    /// The line.
    pub line: String,
    /// Environment; values are never returned by the API.
    pub env: Option<BTreeMap<String, String>>,
    /// Arguments of internal commands.
    pub data: String,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// Not before.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// Target.
    pub server: ServerId,
    /// Commands that must finish first.
    pub run_after: Vec<CommandId>,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
    /// The caller has seen the advice about credentials in command lines.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub credential_exposure_acknowledged: bool,
}

/// Environment values are secrets more often than not, and lines may be.
impl std::fmt::Debug for SubmitCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubmitCommand")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// Element of the array that answers a submission.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SubmittedCommand {
    /// Id.
    pub id: CommandId,
    /// `system`.
    pub shell: String,
    /// The line.
    pub line: String,
    /// As sent.
    pub data: String,
    /// Account.
    pub username: String,
    /// Group.
    pub groupname: String,
    /// Creation time.
    pub added_at: Option<DateTime<Utc>>,
    /// Not before.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// Target.
    pub server: ServerSummary,
    /// Who.
    pub requested_by: Option<UserSummary>,
    /// Commands that must finish first.
    pub run_after: Vec<CommandId>,
}

/// Where a command stands (`rest-operations.md` §4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits for the agent's connection.
    Queued,
    /// Waits for its time or for other commands.
    Scheduled,
    /// Sent to the agent.
    Delivered,
    /// The agent checks it.
    Verifying,
    /// Runs.
    Running,
    /// The agent has it.
    Acked,
    /// Held for a decision.
    AwaitingApproval,
    /// Ended; see `success`.
    Completed,
    /// Ended well.
    Success,
    /// Ended badly.
    Failed,
    /// No result in time.
    Stuck,
    /// Could not be carried out.
    Error,
    /// Withdrawn.
    Cancelled,
    /// Refused by a reviewer or by the agent.
    Rejected,
}

impl Status {
    /// All states.
    pub const ALL: [Self; 14] = [
        Self::Queued,
        Self::Scheduled,
        Self::Delivered,
        Self::Verifying,
        Self::Running,
        Self::Acked,
        Self::AwaitingApproval,
        Self::Completed,
        Self::Success,
        Self::Failed,
        Self::Stuck,
        Self::Error,
        Self::Cancelled,
        Self::Rejected,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Delivered => "delivered",
            Self::Verifying => "verifying",
            Self::Running => "running",
            Self::Acked => "acked",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Completed => "completed",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }

    /// The state named by `word`; a peer may send words we do not know.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The final state of a command that ran to its end.
    #[must_use]
    pub fn ended(success: bool) -> Self {
        if success {
            Self::Completed
        } else {
            Self::Failed
        }
    }

    /// Waiting on the host or on the way to it.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(
            self,
            Self::Queued
                | Self::Scheduled
                | Self::Delivered
                | Self::Verifying
                | Self::Running
                | Self::Acked
        )
    }

    /// Nothing follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        !self.is_running() && self != Self::AwaitingApproval
    }
}

/// Values of `error_phase`.
pub mod phase {
    /// The agent never acknowledged.
    pub const AGENT_DISCONNECTED: &str = "agent_disconnected";
    /// Acknowledged, but no result came.
    pub const AGENT_TIMEOUT: &str = "agent_timeout";
    /// The command ran longer than the host allows.
    pub const REMOTE_COMMAND_EXCEEDED_TIMEOUT: &str = "remote_command_exceeded_timeout";
    /// Made by the CLI itself.
    pub const CLIENT_TIMEOUT: &str = "client_timeout";
}

/// `GET /api/events/commands/{id}/`; also a row of the lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Command {
    /// Id.
    pub id: CommandId,
    /// `system` or `internal`.
    pub shell: String,
    /// The line.
    pub line: String,
    /// See [`Status`].
    pub status: String,
    /// Outcome, once known.
    pub success: Option<bool>,
    /// Exit status, once known.
    pub exit_code: Option<i64>,
    /// See [`phase`].
    pub error_phase: Option<String>,
    /// Captured output, capped at 1 MiB.
    pub result: String,
    /// May still be withdrawn.
    pub cancellable: bool,
    /// Seconds until the agent acknowledged.
    pub response_delay: f64,
    /// Seconds it ran.
    pub elapsed_time: f64,
    /// Creation time.
    pub added_at: Option<DateTime<Utc>>,
    /// Not before.
    pub scheduled_at: Option<DateTime<Utc>>,
    /// Account on the host.
    pub username: String,
    /// Group on the host.
    pub groupname: String,
    /// Target.
    pub server: ServerSummary,
    /// Who.
    pub requested_by: Option<UserSummary>,
    /// The work session it ran in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
    /// Ours: the approval that a held command waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_request_id: Option<String>,
    /// Ours: what the agent can prove about it, see `judgment.md` §6.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<String>,
}

/// A row of `GET /api/events/commands/{id}/chunks/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Chunk {
    /// From 0, contiguous.
    pub seq: i64,
    /// Merged stdout and stderr.
    pub content: String,
}

/// Content type that asks for, and marks, a streamed submission
/// ([`crate::auth::extension::EXEC_STREAM`]): one JSON object per line.
pub const STREAM_CONTENT_TYPE: &str = "application/x-ndjson";

/// A line of a streamed submission. Empty lines are keep-alives. A stream that
/// ends without [`StreamEvent::Finished`] was cut; the command goes on, and its
/// state is read over REST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum StreamEvent {
    /// First line: the command exists.
    Submitted {
        /// What the plain answer would hold.
        command: Box<SubmittedCommand>,
    },
    /// Output, in order and without gaps.
    Output {
        /// The chunk.
        #[serde(flatten)]
        chunk: Chunk,
    },
    /// Held for a decision; the stream ends here.
    Held {
        /// The command.
        command: Box<Command>,
    },
    /// Last line: a final state.
    Finished {
        /// The command. `result` is left empty when chunks carried the output.
        command: Box<Command>,
    },
}
