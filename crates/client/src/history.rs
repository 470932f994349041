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
