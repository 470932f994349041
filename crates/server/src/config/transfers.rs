//! `[objects]` and `[transfers]`.

use std::path::PathBuf;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Where transferred content lies.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ObjectsConfig {
    /// Absent: a folder in the data folder.
    pub(crate) folder: Option<PathBuf>,
    /// With one, content lies in this bucket of an S3-compatible store.
    pub(crate) bucket: Option<String>,
    /// Before the names of objects in the bucket.
    pub(crate) prefix: String,
    pub(crate) region: String,
    /// Absent: that of AWS for the region.
    pub(crate) endpoint: Option<String>,
    pub(crate) access_key_id: Option<String>,
    pub(crate) secret_access_key: Option<String>,
    /// Also without TLS: for a store on this machine.
    pub(crate) allow_http: bool,
}

impl Default for ObjectsConfig {
    fn default() -> Self {
        Self {
            folder: None,
            bucket: None,
            prefix: String::new(),
            region: "us-east-1".to_owned(),
            endpoint: None,
            access_key_id: None,
            secret_access_key: None,
            allow_http: false,
        }
    }
}

/// Without the key.
impl std::fmt::Debug for ObjectsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectsConfig")
            .field("folder", &self.folder)
            .field("bucket", &self.bucket)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl ObjectsConfig {
    /// The first key whose value cannot be used, and why.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        // Without a bucket the other keys mean nothing.
        self.bucket.as_ref()?;
        if self.access_key_id.is_none() != self.secret_access_key.is_none() {
            let message = "access_key_id and secret_access_key are given together or not at all";
            return Some(("objects", message));
        }
        let plain = |endpoint: &String| endpoint.starts_with("http://");
        if self.endpoint.as_ref().is_some_and(plain) && !self.allow_http {
            return Some((
                "objects.endpoint",
                "without TLS it needs objects.allow_http",
            ));
        }
        None
    }
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
