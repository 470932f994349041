//! Why a query failed.

use sea_orm::{DbErr, SqlErr};

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A unique value is taken.
    #[error("already exists: {0}")]
    Conflict(String),
    /// A row that another refers to does not exist.
    #[error("refers to something that does not exist: {0}")]
    Dangling(String),
    /// A row changed between reading and writing it.
    #[error("changed meanwhile")]
    Stale,
    /// A stored value is not what this version writes.
    #[error("stored value of {0} is not readable")]
    Corrupt(&'static str),
    /// The database cannot be used: not reachable, full, read-only, out of connections.
    #[error("database: {0}")]
    Unavailable(#[source] DbErr),
    /// The address of the database is not one we can use.
    #[error("database address: {0}")]
    Address(String),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(what)) => Self::Conflict(what),
            Some(SqlErr::ForeignKeyConstraintViolation(what)) => Self::Dangling(what),
            _ => Self::Unavailable(error),
        }
    }
}
