//! Workspaces and their settings.

mod change;
mod documents;
mod routes;
mod settings;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use protocol::id::WorkspaceId;
use store::{Store, StoreError};
use tokio::sync::Semaphore;

pub(crate) use routes::routes;
pub(crate) use settings::{ApprovalPolicy, Settings};

/// A workspace as requests see it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) settings: Settings,
}

/// All workspaces, read once and again when one changes.
pub(crate) struct Workspaces {
    index: ArcSwap<Index>,
    /// One reads at a time: of two, the older reading must not be kept.
    turn: Semaphore,
}

#[derive(Default)]
struct Index {
    all: Vec<Arc<Workspace>>,
    by_host: HashMap<String, Arc<Workspace>>,
}

impl Workspaces {
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let workspaces = Self {
            index: ArcSwap::default(),
            turn: Semaphore::new(1),
        };
        workspaces.reload(store).await?;
        Ok(workspaces)
    }

    pub(crate) async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        // Never closed; without a turn the reading is right all the same.
        let _turn = self.turn.acquire().await;
        let mut index = Index::default();
        for row in store.workspaces().await? {
            let settings = serde_json::from_value(row.settings)
                .map_err(|_| StoreError::Corrupt("workspace settings"))?;
            let workspace = Arc::new(Workspace {
                id: WorkspaceId(row.id),
                name: row.name,
                host: row.host.to_lowercase(),
                settings,
            });
            if !workspace.host.is_empty() {
                index
                    .by_host
                    .insert(workspace.host.clone(), workspace.clone());
            }
            index.all.push(workspace);
        }
        self.index.store(Arc::new(index));
        Ok(())
    }

    pub(crate) fn all(&self) -> Vec<Arc<Workspace>> {
        self.index.load().all.clone()
    }

    /// The workspace that a `Host` header names. The only one of a server serves
    /// every name.
    pub(crate) fn by_host(&self, host: &str) -> Option<Arc<Workspace>> {
        let index = self.index.load();
        if let [only] = index.all.as_slice()
            && only.host.is_empty()
        {
            return Some(only.clone());
        }
        index.by_host.get(&host_name(host)).cloned()
    }
}

/// A `Host` header without its port, in lower case.
fn host_name(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_lose_port_and_case() {
        assert_eq!(host_name("Acme.Example.com:8443"), "acme.example.com");
        assert_eq!(host_name("[::1]:80"), "::1");
        assert_eq!(host_name(""), "");
    }
}
