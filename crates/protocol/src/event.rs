//! Event sessions, subscriptions and frames (`realtime-client.md` §2).

use serde::{Deserialize, Serialize};

use crate::id::{ChannelId, EventSessionId};

/// Output of one command; target: the command.
pub const COMMAND_OUTPUT: &str = "command_output";
/// A command of a server reached a final state; target: the server.
pub const COMMAND_FIN: &str = "command_fin";
/// A work session changed; target: the session.
pub const WORK_SESSION: &str = "work_session";
/// Sudo inside a terminal; target: the websh session.
pub const SUDO: &str = "sudo";
/// Notices to the caller; no target.
pub const NOTIFICATION: &str = "notification";
/// A server committed its information; target: the server.
pub const SERVERS_COMMIT: &str = "servers_commit";
/// A server went on or off line; target: the server.
pub const SERVER_STATUS: &str = "server_status";

/// Ours: programs that a command started; target: the command or its work session.
pub const PROGRAMS: &str = "programs";

/// Every type a client may subscribe to.
pub const TYPES: [&str; 8] = [
    COMMAND_OUTPUT,
    COMMAND_FIN,
    WORK_SESSION,
    SUDO,
    NOTIFICATION,
    SERVERS_COMMIT,
    SERVER_STATUS,
    PROGRAMS,
];

/// Answer of `POST /api/events/sessions/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct EventSession {
    /// Id.
    pub id: EventSessionId,
    /// Absolute `ws(s)://` URL that carries its own credential.
    pub websocket_url: String,
    /// Named by subscriptions.
    pub channel_id: ChannelId,
}

/// `POST /api/events/subscriptions/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Subscribe {
    /// From the event session.
    pub channel: ChannelId,
    /// See [`TYPES`].
    pub event_type: String,
    /// UUID; its kind depends on the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
}

/// One WebSocket message of the event channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// See [`TYPES`].
    pub event_type: String,
    /// An object; its members depend on the type.
    pub payload: serde_json::Value,
}
