//! Opening a database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protocol::id::WorkspaceId;
use sea_orm::{ConnectOptions, Database, DatabaseBackend, DatabaseConnection};
use sea_orm::{SqlxSqliteConnector, TransactionTrait as _};
use sea_orm_migration::MigratorTrait as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::migration::Migrator;
use crate::{StoreError, Tenant, Unit};

/// How long a caller waits for a connection, and a writer for its turn: long enough
/// for a burst of writers on a slow machine, short of what clients wait for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Readers of an embedded database.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;

/// Where the data is and who signs the audit chain.
pub struct StoreOptions<'a> {
    /// `sqlite:<path>` or `postgres://…`.
    pub url: &'a str,
    /// Signs the head of each workspace's audit chain.
    pub audit_key: Arc<chain::SigningKey>,
}

/// An open database.
///
/// SQLite has one writer at a time, so it gets one writing connection: writers
/// wait for it in order instead of failing on the lock. The other connections
/// only read.
#[derive(Clone)]
pub struct Store {
    read: DatabaseConnection,
    write: DatabaseConnection,
    audit_key: Arc<chain::SigningKey>,
}

impl Store {
    /// Opens the database, creating an SQLite file that does not exist.
    ///
    /// # Errors
    /// When the address is not usable or the database not reachable.
    pub async fn open(options: StoreOptions<'_>) -> Result<Self, StoreError> {
        let (read, write) = if let Some(path) = sqlite_path(options.url) {
            open_sqlite(Path::new(path)).await?
        } else if options.url.starts_with("postgres://") || options.url.starts_with("postgresql://")
        {
            let mut connect = ConnectOptions::new(options.url.to_owned());
            connect
                .max_connections(POSTGRES_CONNECTIONS)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_timeout(ACQUIRE_TIMEOUT)
                .sqlx_logging(false);
            let connection = Database::connect(connect).await?;
            (connection.clone(), connection)
        } else {
            return Err(StoreError::Address(
                "it must start with sqlite: or postgres://".to_owned(),
            ));
        };
        Ok(Self {
            read,
            write,
            audit_key: options.audit_key,
        })
    }

    /// Brings the schema up to this version.
    ///
    /// # Errors
    /// When a migration fails; the database then stays at the version before it.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(Migrator::up(&self.write, None).await?)
    }

    /// Migrations that have not run yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending_migrations(&self) -> Result<usize, StoreError> {
        Ok(Migrator::get_pending_migrations(&self.write).await?.len())
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.read.ping().await?)
    }

    /// `sqlite` or `postgres`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.read.get_database_backend() {
            DatabaseBackend::Sqlite => "sqlite",
            _ => "postgres",
        }
    }

    /// Queries of one workspace.
    #[must_use]
    pub fn tenant(&self, workspace: WorkspaceId) -> Tenant<'_, DatabaseConnection> {
        Tenant::new(&self.read, workspace)
    }

    /// Starts a unit of work in one workspace.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn begin(&self, workspace: WorkspaceId) -> Result<Unit, StoreError> {
        Ok(Unit::new(
            self.write.begin().await?,
            workspace,
            self.audit_key.clone(),
        ))
    }

    /// The connection for what belongs to no workspace yet, such as finding one.
    pub(crate) fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    pub(crate) fn write(&self) -> &DatabaseConnection {
        &self.write
    }
}

/// The file of a `sqlite:` address.
fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    Some(path.strip_prefix("//").unwrap_or(path))
}

async fn open_sqlite(path: &Path) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // The audit trail is what we promise: a commit is on the disk.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(ACQUIRE_TIMEOUT)
        .foreign_keys(true)
        .pragma("temp_store", "memory");
    let unavailable = |error: sqlx::Error| {
        StoreError::Unavailable(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::Internal(
            error.to_string(),
        )))
    };
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.clone())
        .await
        .map_err(unavailable)?;
    let read = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options.pragma("query_only", "true"))
        .await
        .map_err(unavailable)?;
    Ok((
        SqlxSqliteConnector::from_sqlx_sqlite_pool(read),
        SqlxSqliteConnector::from_sqlx_sqlite_pool(write),
    ))
}
