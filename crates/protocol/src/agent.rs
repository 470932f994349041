//! What the agent and the control plane say to each other (`agent-control.md`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::guard::{Level, Program, ProgramEnd};
use crate::id::{CommandId, ServerId};
use crate::order::{OrderKey, SignedOrder};

/// Path of the backhaul WebSocket.
pub const BACKHAUL_PATH: &str = "/ws/servers/backhaul/";
/// Path of the control WebSocket.
pub const CONTROL_PATH: &str = "/ws/servers/control/";
/// Path of batched reports ([`crate::auth::extension::REPORT_BATCH`]).
pub const REPORTS_PATH: &str = "/api/events/reports/";

/// `POST /api/servers/servers/register/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Register {
    /// Slug, 1–64 characters of `[-a-zA-Z0-9_]`.
    pub name: String,
    /// `debian`, `rhel`, `darwin`, `windows`.
    pub platform: String,
    /// Free tags and `cloud:*` tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Ours: [`crate::auth::extension`]s the agent understands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

/// Answer of a registration, status exactly 201.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Registered {
    /// Server id.
    pub id: String,
    /// Secret, shown only here.
    pub key: String,
    /// Final name.
    pub name: String,
    /// Ours: the key that signs orders, to be pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_key: Option<OrderKey>,
}

/// A message of the control plane on the backhaul.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum ServerMessage {
    /// Answered by [`AgentMessage::Pong`].
    Ping {
        /// Ours: extensions this server offers to the agent.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        extensions: Vec<String>,
    },
    /// Carry this out.
    Command {
        /// What.
        command: Box<AgentCommand>,
    },
    /// Ours: stop this running command (its authority ended or it was cancelled).
    Cancel {
        /// Which.
        id: CommandId,
        /// Signed like a command: an [`crate::order::Order`] whose `shell` is
        /// `internal` and whose `line` is `cancel`.
        order: SignedOrder,
    },
    /// Ours: the answer about a program that the exec guard holds.
    Answer {
        /// The command it belongs to.
        id: CommandId,
        /// Signed like a command: an [`crate::order::Order`] whose `shell` is
        /// `internal`, whose `line` is `answer` and whose `data` is a
        /// [`crate::guard::HoldAnswer`].
        order: SignedOrder,
    },
    /// Stop for good.
    Quit {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Close and connect again.
    Reconnect {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A newer server may say what we do not know.
    #[serde(other)]
    Unknown,
}

/// A message of the agent on the backhaul.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "query", rename_all = "snake_case")]
pub enum AgentMessage {
    /// Answer to a ping.
    Pong {
        /// RFC 3339, UTC, whole seconds.
        timestamp: String,
    },
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// The `command` member of a backhaul message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentCommand {
    /// Command id.
    pub id: String,
    /// `system` or `internal`.
    pub shell: String,
    /// Line, or name of the internal command.
    pub line: String,
    /// Account.
    pub user: String,
    /// Group.
    pub group: String,
    /// Environment.
    pub env: BTreeMap<String, String>,
    /// Run through `/bin/sh -c`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_sh: bool,
    /// JSON text with the arguments of an internal command, or empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// Ours: the signed form, for agents that ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<SignedOrder>,
}

/// `POST /api/events/commands/{id}/fin/`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Fin {
    /// `exit_code == 0`.
    pub success: bool,
    /// Output, capped at 1 MiB, or a message.
    pub result: String,
    /// Seconds it ran.
    pub elapsed_time: f64,
    /// See `agent-control.md` §10.4.
    pub exit_code: i64,
    /// Ours: chunks sent before, so that a late one is known to be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks: Option<i64>,
}

/// `POST /api/events/commands/{id}/reject/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Reject {
    /// `unsigned_command`, `key_unavailable`, `invalid_signature`,
    /// `signature_mismatch`; ours also `stale_order`, `replayed_order`,
    /// `foreign_order`.
    pub reason: String,
}

/// One report about a command, an element of the array posted to
/// [`REPORTS_PATH`]. A batch is applied in order, in one transaction, and is
/// idempotent: the agent repeats it until it gets 2xx.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The agent has the command.
    Ack {
        /// Which.
        command: CommandId,
    },
    /// Output.
    Chunk {
        /// Which.
        command: CommandId,
        /// From 0.
        seq: i64,
        /// Text.
        content: String,
    },
    /// The end.
    Fin {
        /// Which.
        command: CommandId,
        /// How.
        #[serde(flatten)]
        fin: Fin,
    },
    /// Refused before it started.
    Reject {
        /// Which.
        command: CommandId,
        /// Why.
        reason: String,
    },
    /// Its tree runs under the exec guard; only where the order asked for that
    /// ([`crate::auth::extension::EXEC_GUARD`]).
    Guarded {
        /// Which.
        command: CommandId,
        /// What may be claimed about it.
        level: Level,
        /// Parts of [`crate::guard::floor`] in force.
        #[serde(default)]
        floor: Vec<String>,
    },
    /// Programs of its tree; the command itself may have ended before.
    Programs {
        /// Which.
        command: CommandId,
        /// Started, held or denied.
        #[serde(default)]
        started: Vec<Program>,
        /// Ended after they were told.
        #[serde(default)]
        ended: Vec<ProgramEnd>,
        /// Allowed ones that are only counted.
        #[serde(default)]
        folded: u64,
    },
}

/// `POST /api/events/events/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AgentEvent {
    /// `alpamon`.
    pub reporter: String,
    /// `started` or `committed`.
    pub record: String,
    /// Text with the agent's version.
    pub description: String,
    /// Ours: a value drawn once per process, so that a repeated `started` is
    /// not taken for a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Ours: with `started`, the commands whose end is still waiting in the
    /// agent's spool; they are not lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreported: Vec<CommandId>,
}

/// `POST /api/history/logs/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LogRecord {
    /// RFC 3339.
    pub date: String,
    /// 10 debug … 50 fatal.
    pub level: i64,
    /// `alpamon` or a plugin's name.
    pub program: String,
    /// `file:line`.
    pub path: String,
    /// Line.
    pub lineno: i64,
    /// Process id.
    pub pid: i64,
    /// Text.
    pub msg: String,
}

/// `GET /api/servers/servers/-/access-policy/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct AccessPolicy {
    /// Refuse sudo outside our sessions.
    pub block_local_sudo: bool,
    /// Report logins outside our sessions.
    pub detect_local_access: bool,
}

/// `POST /api/servers/servers/-/sync-check/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SyncCheck {
    /// Category → fingerprint.
    pub hashes: BTreeMap<String, String>,
}

/// Answer of a sync check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct SyncRequired {
    /// Categories that differ or are unknown.
    pub sync_required: Vec<String>,
}

/// The categories of system information, in the order they are synchronised.
pub const SYNC_CATEGORIES: [&str; 9] = [
    "info",
    "os",
    "time",
    "groups",
    "users",
    "interfaces",
    "addresses",
    "disks",
    "partitions",
];

/// The server as its own agent sees it: `GET /api/servers/servers/-/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnServer {
    /// Id.
    pub id: ServerId,
    /// Name.
    pub name: String,
    /// The server holds a first commit.
    pub commissioned: bool,
}
