//! Fresh databases for tests.

use std::sync::Arc;

use chain::SigningKey;
use protocol::id::WorkspaceId;
use serde_json::json;
use sqlx::{AnyConnection, Connection as _};
use store::{Store, StoreOptions};

/// A database that goes when this is dropped (SQLite) or with its server.
pub(crate) struct Fresh {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) workspace: WorkspaceId,
    _folder: Option<tempfile::TempDir>,
}

impl Fresh {
    /// A raw connection, for what an attacker or a disk would do.
    pub(crate) async fn raw(&self) -> AnyConnection {
        sqlx::any::install_default_drivers();
        AnyConnection::connect(&self.url).await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        let mut connection = self.raw().await;
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
}

/// One fresh database of each kind there is.
pub(crate) async fn all() -> Vec<Fresh> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.sqlite3").display());
    let mut fresh = vec![open(url, Some(folder)).await];
    if let Ok(server) = std::env::var("ALPACON_TEST_POSTGRES_URL") {
        fresh.push(open(create_postgres(&server).await, None).await);
    }
    fresh
}

async fn create_postgres(server: &str) -> String {
    sqlx::any::install_default_drivers();
    let name = format!("store_{}", uuid::Uuid::new_v4().simple());
    let mut connection = AnyConnection::connect(server).await.unwrap();
    let sql = format!("CREATE DATABASE {name}");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .execute(&mut connection)
        .await
        .unwrap();
    let (base, query) = match server.split_once('?') {
        Some((base, query)) => (base, format!("?{query}")),
        None => (server, String::new()),
    };
    let root = base.rsplit_once('/').map_or(base, |(root, _)| root);
    format!("{root}/{name}{query}")
}

async fn open(url: String, folder: Option<tempfile::TempDir>) -> Fresh {
    let key = Arc::new(SigningKey::generate().unwrap().0);
    let store = Store::open(StoreOptions {
        url: &url,
        audit_key: key.clone(),
    })
    .await
    .unwrap();
    store.migrate().await.unwrap();
    assert_eq!(store.pending_migrations().await.unwrap(), 0);
    let workspace = store
        .create_workspace("one", "", json!({}), &key)
        .await
        .unwrap();
    Fresh {
        store,
        url,
        key,
        workspace: WorkspaceId(workspace.id),
        _folder: folder,
    }
}
