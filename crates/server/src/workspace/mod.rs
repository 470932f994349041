//! Workspaces and their settings.

pub(crate) mod address;
mod approval_rule;
mod change;
mod documents;
pub(crate) mod reach;
mod routes;
mod settings;
mod transfer_policy;
mod usage;

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::StatusCode;
use protocol::code;
use protocol::id::WorkspaceId;
use store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::http::{ApiError, ApiResult};

pub(crate) use approval_rule::{ApprovalRule, Facts, Need, deciding};
pub(crate) use routes::routes;
pub(crate) use settings::{ApprovalPolicy, Settings};

/// A workspace as requests see it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) host: String,
    /// Further host names that lead to it.
    pub(crate) hosts: Vec<String>,
    pub(crate) settings: Settings,
    /// The operator lets it be served.
    pub(crate) is_enabled: bool,
}

impl Workspace {
    /// How people reach it, where the configuration says so: its own host name at the
    /// scheme and port of `server.public_url`. What goes into mails comes from here, never
    /// from a request.
    pub(crate) fn public_url(&self, config: &Config) -> Option<String> {
        public_url_at(config, &self.host)
    }

    /// The same for a request that came to `host`: further host names of the workspace stay
    /// what they are, so that a browser stays at the one it came to.
    pub(crate) fn url_of_request(&self, config: &Config, host: &str) -> Option<String> {
        let name = host_name(host);
        if self.hosts.contains(&name) {
            public_url_at(config, &name)
        } else {
            self.public_url(config)
        }
    }

    /// Refuses a workspace that the operator has disabled.
    pub(crate) fn require_enabled(&self) -> ApiResult<()> {
        if self.is_enabled {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "This workspace is disabled; ask the operator of the server.",
        )
        .code(code::WORKSPACE_DISABLED, "workspace"))
    }
}

/// The configured address with another host name in it.
fn public_url_at(config: &Config, host: &str) -> Option<String> {
    let configured = config.server.public_url.as_deref()?;
    if host.is_empty() {
        return Some(configured.to_owned());
    }
    let (scheme, authority) = configured.split_once("://")?;
    let after_v6 = authority.rsplit(']').next().unwrap_or_default();
    let port = after_v6
        .rsplit_once(':')
        .map(|(_, port)| format!(":{port}"))
        .unwrap_or_default();
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    Some(format!("{scheme}://{host}{port}"))
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
        let further = store.workspace_hosts().await?;
        for row in store.workspaces().await? {
            let settings = serde_json::from_value(row.settings)
                .map_err(|_| StoreError::Corrupt("workspace settings"))?;
            let workspace = Arc::new(Workspace {
                id: WorkspaceId(row.id),
                name: row.name,
                host: row.host.to_lowercase(),
                hosts: further
                    .iter()
                    .filter(|further| further.workspace_id == row.id)
                    .map(|further| further.host.clone())
                    .collect(),
                settings,
                is_enabled: row.is_enabled,
            });
            let names = workspace.hosts.iter().chain([&workspace.host]);
            for name in names.filter(|name| !name.is_empty()) {
                index.by_host.insert(name.clone(), workspace.clone());
            }
            index.all.push(workspace);
        }
        self.index.store(Arc::new(index));
        Ok(())
    }

    /// The workspace with this id, whatever its host name.
    pub(crate) fn by_id(&self, id: WorkspaceId) -> Option<Arc<Workspace>> {
        let index = self.index.load();
        index.all.iter().find(|found| found.id == id).cloned()
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

    fn workspace(host: &str) -> Workspace {
        Workspace {
            id: WorkspaceId::new(),
            name: String::new(),
            host: host.to_owned(),
            hosts: vec!["old.test".to_owned()],
            settings: Settings::default(),
            is_enabled: true,
        }
    }

    #[test]
    fn links_lead_to_the_workspaces_own_host() {
        let at = |host: &str, public_url: Option<&str>| {
            let workspace = workspace(host);
            let mut config = Config::default();
            config.server.public_url = public_url.map(str::to_owned);
            workspace.public_url(&config)
        };
        assert_eq!(at("acme.example.com", None), None);
        let workspace = workspace("acme.test");
        let mut config = Config::default();
        config.server.public_url = Some("https://one.test:8443".to_owned());
        for (asked, expected) in [
            ("OLD.test:8443", "https://old.test:8443"),
            ("acme.test", "https://acme.test:8443"),
            ("evil.test", "https://acme.test:8443"),
        ] {
            let url = workspace.url_of_request(&config, asked);
            assert_eq!(url.as_deref(), Some(expected), "{asked}");
        }
        let cases = [
            ("", "https://one.example.com", "https://one.example.com"),
            ("acme.test", "https://one.example.com", "https://acme.test"),
            ("acme.test", "http://one.test:81", "http://acme.test:81"),
            ("acme.test", "https://[::1]:8443", "https://acme.test:8443"),
            ("acme.test", "https://[::1]", "https://acme.test"),
        ];
        for (host, configured, expected) in cases {
            assert_eq!(at(host, Some(configured)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn host_names_lose_port_and_case() {
        assert_eq!(host_name("Acme.Example.com:8443"), "acme.example.com");
        assert_eq!(host_name("[::1]:80"), "::1");
        assert_eq!(host_name(""), "");
    }
}
