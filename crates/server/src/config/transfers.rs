//! `[objects]` and `[transfers]`.

use std::path::PathBuf;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Where transferred content lies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ObjectsConfig {
    /// Absent: a folder in the data folder.
    pub(crate) folder: Option<PathBuf>,
}

/// What transfers may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TransfersConfig {
    /// Largest content of one transfer, in bytes.
    pub(crate) max_bytes: i64,
    /// Bytes that the store holds at once for a workspace.
    pub(crate) quota_bytes: i64,
    /// Bytes that stay free on the disk of the store.
    pub(crate) reserve_bytes: i64,
    /// Transfers of one requester that may be open at once.
    pub(crate) max_open: i64,
    /// When a link, and what it leads to, ends.
    pub(crate) retention_seconds: i64,
}

impl Default for TransfersConfig {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 30,
            quota_bytes: 256 << 30,
            reserve_bytes: 1 << 30,
            max_open: 1000,
            retention_seconds: 3600,
        }
    }
}

impl TransfersConfig {
    pub(crate) fn retention(&self) -> TimeDelta {
        TimeDelta::seconds(self.retention_seconds)
    }

    /// The first key whose value cannot be used, and why.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let sizes = [
            ("transfers.max_bytes", self.max_bytes),
            ("transfers.quota_bytes", self.quota_bytes),
            ("transfers.max_open", self.max_open),
        ];
        if let Some((key, _)) = sizes.iter().find(|(_, value)| *value < 1) {
            return Some((key, "must be at least 1"));
        }
        if self.reserve_bytes < 0 {
            return Some(("transfers.reserve_bytes", "must not be negative"));
        }
        if !(60..=30 * 24 * 3600).contains(&self.retention_seconds) {
            return Some((
                "transfers.retention_seconds",
                "must be from 60 to 2592000 (30 days)",
            ));
        }
        None
    }
}
