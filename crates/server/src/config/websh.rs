//! `[websh]`.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// Terminals and their recordings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebshConfig {
    /// What is typed is recorded too, while the terminal shows it.
    pub(crate) record_input: bool,
    /// When recordings are removed that are not held; 0: never.
    pub(crate) retention_days: i64,
    /// A share link is good for this long.
    pub(crate) share_seconds: i64,
}

impl Default for WebshConfig {
    fn default() -> Self {
        Self {
            record_input: true,
            retention_days: 0,
            share_seconds: 3600,
        }
    }
}

impl WebshConfig {
    pub(crate) fn share_life(&self) -> TimeDelta {
        TimeDelta::seconds(self.share_seconds)
    }

    /// The age at which recordings are removed.
    pub(crate) fn retention(&self) -> Option<TimeDelta> {
        (self.retention_days > 0).then(|| TimeDelta::days(self.retention_days))
    }

    /// The first key whose value cannot be used, and why.
    pub(super) fn fault(&self) -> Option<(&'static str, &'static str)> {
        if !(0..=36_500).contains(&self.retention_days) {
            return Some(("websh.retention_days", "must be from 0 to 36500"));
        }
        if !(60..=86_400).contains(&self.share_seconds) {
            return Some(("websh.share_seconds", "must be from 60 to 86400 (1 day)"));
        }
        None
    }
}
