//! The collector (`agent-channels.md` §9). This version reads its settings and
//! sends the heartbeat; measurements come later.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::lenient::without_nulls;
use crate::reporter::Reporter;
use crate::reporter::background::{Errand, PRIORITY_SYNC};
use crate::server::{RequestError, Server};

const SETTINGS_PATH: &str = "/api/metrics/config/";
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(10);
const HEARTBEAT_PATH: &str = "/api/servers/servers/-/status/";
const HEARTBEAT: &str = "status";
/// A shorter interval is not believed, in seconds.
const MIN_INTERVAL: u64 = 5;

/// Starts and restarts collecting; clones share everything.
#[derive(Clone)]
pub(crate) struct Collector {
    server: Server,
    reporter: Reporter,
    /// Dropping it ends the heartbeat.
    beating: Arc<Mutex<Option<DropGuard>>>,
}

impl Collector {
    /// A collector that does nothing yet.
    #[must_use]
    pub(crate) fn new(server: Server, reporter: Reporter) -> Self {
        Self {
            server,
            reporter,
            beating: Arc::default(),
        }
    }

    /// Reads the settings and follows them, in place of earlier ones. Gives the
    /// number of measurements that were asked for and are not made.
    ///
    /// # Errors
    /// When there are no settings to be had; what ran before goes on.
    pub(crate) async fn start(&self) -> Result<usize, RequestError> {
        let settings: Value = self.server.get(SETTINGS_PATH, SETTINGS_TIMEOUT).await?;
        let settings = Settings::read(settings);
        let heart = settings.heartbeat.map(|interval| {
            let stop = CancellationToken::new();
            tokio::spawn(beat(self.reporter.clone(), interval, stop.clone()));
            stop.drop_guard()
        });
        *self.beating.lock().unwrap_or_else(PoisonError::into_inner) = heart;
        Ok(settings.others)
    }
}

async fn beat(reporter: Reporter, interval: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let errand = Errand {
            method: Method::PATCH,
            path: HEARTBEAT_PATH.to_owned(),
            body: None,
            sync_hash: None,
            must_arrive: false,
        };
        reporter.errand(PRIORITY_SYNC, errand);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Settings {
    heartbeat: Option<Duration>,
    others: usize,
}

impl Settings {
    /// What we do not know or understand is no reason to stop.
    fn read(settings: Value) -> Self {
        let mut read = Self {
            heartbeat: None,
            others: 0,
        };
        let Value::Array(checks) = settings else {
            return read;
        };
        for check in checks.into_iter().map(without_nulls) {
            let interval = check.get("interval").and_then(Value::as_u64);
            match (check.get("type").and_then(Value::as_str), interval) {
                (Some(HEARTBEAT), Some(seconds)) if seconds > 0 => {
                    read.heartbeat = Some(Duration::from_secs(seconds.max(MIN_INTERVAL)));
                }
                _ => read.others += 1,
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tolerates_all_settings() {
        let read = Settings::read(json!([
            {"type": "cpu", "interval": 5},
            {"type": "status", "interval": 60},
            {"type": null},
            "nonsense",
        ]));
        assert_eq!(read.heartbeat, Some(Duration::from_secs(60)));
        assert_eq!(read.others, 3);
        assert_eq!(Settings::read(json!({"a": 1})).heartbeat, None);
        let hasty = Settings::read(json!([{"type": "status", "interval": 1}]));
        assert_eq!(hasty.heartbeat, Some(Duration::from_secs(MIN_INTERVAL)));
        let never = Settings::read(json!([{"type": "status", "interval": 0}]));
        assert_eq!(never.heartbeat, None);
    }
}
