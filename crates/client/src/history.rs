//! Logs that hosts sent (`rest-operations.md` §11).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{Api, Error, decode, page};

/// One line of an agent's log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogLine {
    /// `alpamon` or a plugin's name.
    pub program: String,
    /// 10 debug, 20 info, 30 warning, 40 error, 50 critical.
    pub level: i64,
    /// Process name.
    pub process: String,
    /// Text.
    pub msg: String,
    /// When the host wrote it.
    #[serde(deserialize_with = "decode::time")]
    pub date: Option<DateTime<Utc>>,
}

/// The newest `limit` lines of a server.
///
/// # Errors
/// When the call fails.
pub async fn logs(api: &Api, server: &str, limit: usize) -> Result<Vec<LogLine>, Error> {
    let filter = [("server", server.to_owned())];
    page::newest(api, "/api/history/logs/", &filter, limit).await
}

/// One file transfer of the past.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Transfer {
    /// Name of the host.
    pub server: String,
    /// Base name.
    pub file_name: String,
    /// `upload` or `download`.
    pub action: String,
    /// Bytes.
    pub size: i64,
    /// None while it runs.
    pub success: Option<bool>,
    /// Who asked.
    pub user: String,
    /// From where.
    pub remote_ip: String,
    /// When.
    #[serde(deserialize_with = "decode::time")]
    pub added_at: Option<DateTime<Utc>>,
}

/// Which transfers; absent: all.
#[derive(Clone, Debug, Default)]
pub struct TransferFilter {
    /// Server id.
    pub server: Option<String>,
    /// User id.
    pub user: Option<String>,
    /// `upload`, `download`.
    pub action: Option<String>,
}

/// The newest `limit` file transfers.
///
/// # Errors
/// When the call fails.
pub async fn transfers(
    api: &Api,
    filter: TransferFilter,
    limit: usize,
) -> Result<Vec<Transfer>, Error> {
    let filters: Vec<(&str, String)> = [
        ("server", filter.server),
        ("user", filter.user),
        ("action", filter.action),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    page::newest(api, "/api/history/webftp-logs/", &filters, limit).await
}
