//! Commit: all that is known, in one document (`agent-control.md` §8.2).

use std::collections::BTreeMap;

use protocol::agent::AgentEvent;
use reqwest::Method;
use serde::Serialize;
use serde_json::Value;

use super::{Category, Inventory, collect, fingerprints, read};
use crate::reporter::background::{Errand, PRIORITY_SYNC};
use crate::server::VERSION;

const PATH: &str = "/api/servers/servers/-/commit/";

#[derive(Debug, Serialize)]
struct Commit {
    #[serde(flatten)]
    state: State,
    /// Categories without content are left out: absence says nothing.
    #[serde(flatten)]
    data: BTreeMap<&'static str, Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    sync_hashes: BTreeMap<String, String>,
}

/// What accompanies every commit and every synchronisation.
#[derive(Debug, Serialize)]
pub(super) struct State {
    version: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pam_version: String,
    /// An explicit `null` clears what the server stored.
    sshd_use_pam: Option<String>,
    load: f64,
}

impl Inventory {
    /// Queues a commit of these categories and the event that says so.
    pub(crate) async fn commit(&self, categories: &[Category]) {
        let collected = collect(categories).await;
        let commit = Commit {
            state: self.state().await,
            sync_hashes: fingerprints(&collected),
            data: collected
                .into_iter()
                .filter(|one| !is_empty(&one.data))
                .map(|one| (one.category.name(), one.data))
                .collect(),
        };
        self.queue(Method::PUT, PATH.to_owned(), Some(&commit), None, true);
        let event = AgentEvent {
            reporter: "alpamon".to_owned(),
            record: "committed".to_owned(),
            description: format!("Committed system information. version: {VERSION}"),
            ..AgentEvent::default()
        };
        let path = "/api/events/events/".to_owned();
        self.queue(Method::POST, path, Some(&event), None, false);
    }

    pub(super) async fn state(&self) -> State {
        let found = self.shared.facts.get().await;
        State {
            version: VERSION,
            pam_version: found.pam_version,
            sshd_use_pam: found.sshd_use_pam,
            load: load_average(&read("/proc/loadavg".as_ref())),
        }
    }

    pub(super) fn queue<T: Serialize>(
        &self,
        method: Method,
        path: String,
        body: Option<&T>,
        sync_hash: Option<String>,
        must_arrive: bool,
    ) {
        let body = match body.map(serde_json::to_vec).transpose() {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, path, "cannot encode system information");
                return;
            }
        };
        let errand = Errand {
            method,
            path,
            body,
            sync_hash,
            must_arrive,
        };
        self.shared.reporter.errand(PRIORITY_SYNC, errand);
    }
}

fn is_empty(data: &Value) -> bool {
    data.is_null() || data.as_array().is_some_and(Vec::is_empty)
}

fn load_average(text: &str) -> f64 {
    text.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_null_but_leaves_out_what_is_empty() {
        let commit = Commit {
            state: State {
                version: "1",
                pam_version: String::new(),
                sshd_use_pam: None,
                load: load_average("0.25 0.1 0.2 1/100 5\n"),
            },
            data: BTreeMap::from([("os", json!({"name": "debian"}))]),
            sync_hashes: BTreeMap::new(),
        };
        assert_eq!(
            serde_json::to_value(&commit).unwrap(),
            json!({"version": "1", "sshd_use_pam": null, "load": 0.25, "os": {"name": "debian"}})
        );
        assert!(is_empty(&json!([])) && is_empty(&Value::Null) && !is_empty(&json!({})));
    }
}
