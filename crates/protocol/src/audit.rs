//! Audit activity and host logs (`rest-operations.md` §11).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::iam::UserSummary;
use crate::server::ServerSummary;

/// A row of `GET /api/audit/activity/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Activity {
    /// Id.
    pub id: String,
    /// Who, when a user.
    pub user: Option<UserSummary>,
    /// Name of the actor.
    pub username: String,
    /// Source address.
    pub ip: String,
    /// Area: `command`, `work_session`, `server`, `auth`, …
    pub app: String,
    /// What was done: `create`, `update`, `delete`, `deny`, …
    pub action: String,
    /// HTTP status the caller got.
    pub status_code: i64,
    /// When.
    pub added_at: Option<DateTime<Utc>>,
    /// Kind of object: `command`, `worksession`, …
    pub model: String,
    /// Text for people.
    pub description: String,
    /// Ours: position in the workspace's hash chain.
    pub seq: i64,
    /// Ours: hash of the record, hex.
    pub hash: String,
}

/// A row of `GET /api/history/logs/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct HistoryLog {
    /// Id, a number here.
    pub id: i64,
    /// When the server got it.
    pub added_at: Option<DateTime<Utc>>,
    /// When the host wrote it.
    pub date: Option<DateTime<Utc>>,
    /// `alpamon` or a plugin's name.
    pub program: String,
    /// 10 debug, 20 info, 30 warning, 40 error, 50 critical.
    pub level: i64,
    /// Logger name.
    pub name: String,
    /// Source file and line.
    pub path: String,
    /// Source line.
    pub lineno: i64,
    /// Process id.
    pub pid: i64,
    /// Thread id.
    pub tid: i64,
    /// Process name.
    pub process: String,
    /// Thread name.
    pub thread: String,
    /// Text.
    pub msg: String,
    /// Which host.
    pub server: Option<ServerSummary>,
}
