//! Synchronisation: only what changed is written (`agent-control.md` §8.3).

use std::time::Duration;

use protocol::agent::{AccessPolicy, SyncCheck, SyncRequired};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::difference::difference;
use super::{Category, Collected, Inventory, collect, fingerprints};
use crate::server::{Request, RequestError};

const STATE_PATH: &str = "/api/servers/servers/-/sync/";
const CHECK_PATH: &str = "/api/servers/servers/-/sync-check/";
const POLICY_PATH: &str = "/api/servers/servers/-/access-policy/";
const TIMEOUT: Duration = Duration::from_secs(10);

impl Inventory {
    /// Brings everything the server knows up to date, and fetches the access
    /// policy. Writes are queued.
    pub(crate) async fn sync_all(&self) {
        self.sync(&Category::ALL).await;
        self.fetch_policy().await;
    }

    /// Brings the server's view of `categories` up to date. Writes are queued.
    pub(crate) async fn sync(&self, categories: &[Category]) {
        let _turn = self.shared.turn.lock().await;
        let state = self.state().await;
        self.queue(
            Method::PATCH,
            STATE_PATH.to_owned(),
            Some(&state),
            None,
            false,
        );
        if categories.is_empty() {
            return;
        }
        let collected = collect(categories).await;
        let required = self.required(&collected).await;
        for one in &collected {
            if required.contains(&one.category) {
                self.bring_up_to_date(one).await;
            }
        }
    }

    /// The categories that the server wants; all when it does not say.
    async fn required(&self, collected: &[Collected]) -> Vec<Category> {
        let check = SyncCheck {
            hashes: fingerprints(collected),
        };
        match self.check(&check).await {
            Ok(answer) => answer
                .sync_required
                .iter()
                .filter_map(|name| Category::named(name))
                .collect(),
            Err(error) => {
                tracing::debug!(%error, "no sync check; comparing everything");
                collected.iter().map(|one| one.category).collect()
            }
        }
    }

    async fn check(&self, check: &SyncCheck) -> Result<SyncRequired, RequestError> {
        let mut request = Request::new(Method::POST, CHECK_PATH, TIMEOUT);
        request.body = Some(serde_json::to_vec(check)?);
        let (status, body) = self.shared.server.send(request).await?;
        if status != StatusCode::OK {
            return Err(RequestError::Status(status));
        }
        Ok(serde_json::from_slice(&body)?)
    }

    async fn bring_up_to_date(&self, collected: &Collected) {
        let name = collected.category.name();
        let remote = match self
            .shared
            .server
            .get::<Value>(&sync_path(collected), TIMEOUT)
            .await
        {
            Ok(remote) => Some(remote),
            Err(RequestError::Status(StatusCode::NOT_FOUND)) => None,
            Err(error) => {
                tracing::debug!(%error, category = name, "skipping a category");
                return;
            }
        };
        for write in difference(collected.category, &collected.data, remote.as_ref()) {
            let path = match &write.row {
                None => format!("/api/proc/{name}/"),
                Some(row) => format!("/api/proc/{name}/{row}/"),
            };
            let hash = Some(collected.fingerprint.clone());
            self.queue(write.method, path, write.body.as_ref(), hash, false);
        }
    }

    async fn fetch_policy(&self) {
        match self
            .shared
            .server
            .get::<AccessPolicy>(POLICY_PATH, TIMEOUT)
            .await
        {
            Ok(policy) => self.set_policy(policy),
            // A server without the feature.
            Err(RequestError::Status(StatusCode::NOT_FOUND)) => {}
            Err(error) => tracing::debug!(%error, "the access policy stays as it was"),
        }
    }
}

fn sync_path(collected: &Collected) -> String {
    let name = collected.category.name();
    if collected.data.is_object() {
        format!("/api/proc/{name}/-/sync/")
    } else {
        format!("/api/proc/{name}/sync/")
    }
}
