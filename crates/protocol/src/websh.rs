//! Terminals on servers: what clients post (`rest-operations.md` §6) and what agents are
//! ordered (`agent-channels.md` §2). What goes over the WebSockets between our own
//! programs: [`crate::terminal`].

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::id::{ServerId, WebshChannelId, WebshSessionId, WorkSessionId};
use crate::server::ServerSummary;

/// The agent's command that opens a terminal.
pub const OPEN: &str = "openpty";
/// The agent's command that changes a terminal's size.
pub const RESIZE: &str = "resizepty";
/// The agent's command that has the program in a terminal paint it anew.
pub const REFRESH: &str = "refreshpty";

/// Close codes of a terminal's WebSockets.
pub mod close {
    /// The session is over, as it should be.
    pub const NORMAL: u16 = 4000;
    /// The client leaves and the session goes on (ours, from a client only).
    pub const DETACH: u16 = 4001;
    /// The client may not use it any more, or broke the protocol.
    pub const POLICY: u16 = 1008;
    /// The agent failed, or the session could not be recorded.
    pub const FAILED: u16 = 1011;
    /// The control plane restarts; the session goes on where it can.
    pub const RESTART: u16 = 1012;
}

/// `POST /api/websh/sessions/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateWebsh {
    /// Lines; 1 to 65,535.
    pub rows: i64,
    /// Columns; 1 to 65,535.
    pub cols: i64,
    /// Server id.
    pub server: ServerId,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// The selected work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
}

/// `PATCH /api/websh/sessions/{id}/`, ours: the window changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ResizeWebsh {
    /// Lines; 1 to 65,535.
    pub rows: i64,
    /// Columns; 1 to 65,535.
    pub cols: i64,
}

/// A session with a terminal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WebshSession {
    /// Id.
    pub id: WebshSessionId,
    /// Lines.
    pub rows: i64,
    /// Columns.
    pub cols: i64,
    /// Where.
    pub server: ServerSummary,
    /// Whose.
    pub user: Option<UserSummary>,
    /// Account on the host.
    pub username: String,
    /// Group on the host.
    pub groupname: String,
    /// The work session it was opened in.
    pub work_session: Option<WorkSessionId>,
    /// What asked for it.
    pub user_agent: String,
    /// From where.
    pub remote_ip: String,
    /// Always false: tunnels are objects of their own.
    pub is_tunnel: bool,
    /// `cli` or `web`.
    pub client_type: String,
    /// When it was opened.
    pub added_at: Option<DateTime<Utc>>,
    /// When it changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// `null`: still open.
    pub closed_at: Option<DateTime<Utc>>,
    /// It ended as it should; `null`: still open.
    pub success: Option<bool>,
    /// Ours: why it ended, for people.
    pub close_reason: Option<String>,
    /// Ours: exit status of the shell, where the agent tells it.
    pub exit_code: Option<i64>,
    /// Ours: bytes that the terminal showed.
    pub bytes_out: i64,
    /// Ours: bytes that were typed.
    pub bytes_in: i64,
    /// Where to connect: once, within a minute. Only in the answer that made it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub websocket_url: String,
    /// Ours: [`crate::auth::extension`]s that may be used on its WebSocket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

/// `POST …/share/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ShareWebsh {
    /// Who joins may only look.
    pub read_only: bool,
}

/// A share link.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WebshShare {
    /// Names the channel in its query.
    pub shared_url: String,
    /// What who joins has to say.
    pub password: String,
    /// Who joins may only look.
    pub read_only: bool,
    /// Until when one may join.
    pub expiration: Option<DateTime<Utc>>,
}

/// Without the password.
impl std::fmt::Debug for WebshShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebshShare")
            .field("shared_url", &self.shared_url)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// `POST …/invite/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct InviteWebsh {
    /// Who gets a mail.
    pub emails: Vec<String>,
    /// Who joins may only look.
    pub read_only: bool,
}

/// `POST /api/websh/user-channels/`: watch a session, or come back to one's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateWebshChannel {
    /// The session.
    pub session: WebshSessionId,
    /// Ours: the owner comes back to it.
    pub is_master: bool,
    /// Only look. A watcher never does more.
    pub read_only: bool,
}

/// `POST /api/websh/user-channels/{id}/join/`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct JoinWebsh {
    /// That of the share.
    pub password: String,
}

/// Without the password.
impl std::fmt::Debug for JoinWebsh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinWebsh")
    }
}

/// A user's way into a session.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WebshChannel {
    /// Id.
    pub id: WebshChannelId,
    /// The session.
    pub session: WebshSessionId,
    /// Nothing typed here reaches the host.
    pub read_only: bool,
    /// Where to connect: once, within a minute.
    pub websocket_url: String,
    /// Ours: [`crate::auth::extension`]s that may be used on its WebSocket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

/// The address holds a credential.
impl std::fmt::Debug for WebshChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebshChannel")
            .field("id", &self.id)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// A piece of a recording as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct WebshRecord {
    /// When it was shown.
    pub added_at: Option<DateTime<Utc>>,
    /// What was shown, without escape sequences, secrets masked.
    pub record: String,
    /// Ours: the session.
    pub session: WebshSessionId,
}

/// Arguments of [`OPEN`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenPty {
    /// The session.
    pub session_id: String,
    /// Where to connect, absolute.
    pub url: String,
    /// Account.
    pub username: String,
    /// Group, for the record: the terminal has the account's own.
    pub groupname: String,
    /// `HOME` and working directory.
    pub home_directory: String,
    /// Login shell.
    pub shell: String,
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
    /// Ours: nothing in the terminal may become somebody else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_new_privileges: bool,
    /// Ours: [`crate::auth::extension`]s that may be used on the WebSocket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
}

/// Arguments of [`RESIZE`] and, without a size, of [`REFRESH`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResizePty {
    /// The session.
    pub session_id: String,
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// What an agent posts to `/api/websh/pty-channels/` when it has lost a terminal's
/// connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreatePtyChannel {
    /// The session.
    pub session: String,
}

/// The way back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PtyChannel {
    /// Id.
    pub id: WebshChannelId,
    /// The session.
    pub session: WebshSessionId,
    /// Path only.
    pub websocket_url: String,
}
