//! The database under a control plane: a fresh one for each system.

use std::path::{Path, PathBuf};

use sqlx::{Connection, Decode, PgConnection, Postgres, Sqlite, SqliteConnection, Type};

use crate::OrFail;
use crate::runtime::block_on;

/// Names the kind: `sqlite` (the default) or `postgres`.
const KIND_VARIABLE: &str = "ALPACON_TEST_DATABASE";
/// URL of a PostgreSQL database whose user may create databases.
const POSTGRES_VARIABLE: &str = "ALPACON_TEST_POSTGRES_URL";

/// Which database, and access to it behind the control plane's back.
#[derive(Debug)]
pub enum Database {
    /// A file in the data folder.
    Sqlite {
        /// The data folder.
        data: PathBuf,
    },
    /// A database of its own, dropped at the end.
    Postgres {
        /// The database that made it.
        maintenance: String,
        /// Its name.
        name: String,
    },
}

impl Database {
    /// A fresh database of the kind the environment names.
    #[track_caller]
    pub(crate) fn fresh(data: &Path) -> Self {
        match std::env::var(KIND_VARIABLE).as_deref() {
            Err(_) | Ok("sqlite" | "") => Self::Sqlite {
                data: data.to_owned(),
            },
            Ok("postgres") => Self::fresh_postgres(),
            Ok(other) => panic!("{KIND_VARIABLE} is {other:?}; it may be sqlite or postgres"),
        }
    }

    /// What the control plane is told; `None` for its default.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres { maintenance, name } => Some(sibling(maintenance, name)),
        }
    }

    /// Runs one statement; gives the number of rows it changed.
    #[track_caller]
    pub fn execute(&self, statement: &str) -> u64 {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        block_on("run a statement", async {
            match self {
                Self::Sqlite { data } => {
                    let mut connection = sqlite(data).await;
                    let done = sqlx::query(statement).execute(&mut connection).await;
                    done.or_fail("run a statement").rows_affected()
                }
                Self::Postgres { .. } => {
                    let url = self.url().unwrap_or_default();
                    let mut connection = postgres(&url).await;
                    let done = sqlx::query(statement).execute(&mut connection).await;
                    done.or_fail("run a statement").rows_affected()
                }
            }
        })
    }

    /// The single integer that `query` selects.
    #[track_caller]
    pub fn integer(&self, query: &str) -> i64 {
        self.scalar(query)
    }

    /// The single text that `query` selects.
    #[track_caller]
    pub fn text(&self, query: &str) -> String {
        self.scalar(query)
    }

    #[track_caller]
    fn scalar<T>(&self, query: &str) -> T
    where
        T: Send + Unpin,
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        let query = sqlx::AssertSqlSafe(query.to_owned());
        block_on("run a query", async {
            match self {
                Self::Sqlite { data } => {
                    let mut connection = sqlite(data).await;
                    let row = sqlx::query_scalar(query).fetch_one(&mut connection).await;
                    row.or_fail("run a query")
                }
                Self::Postgres { .. } => {
                    let url = self.url().unwrap_or_default();
                    let mut connection = postgres(&url).await;
                    let row = sqlx::query_scalar(query).fetch_one(&mut connection).await;
                    row.or_fail("run a query")
                }
            }
        })
    }

    /// `id` as a literal of this database.
    #[track_caller]
    #[must_use]
    pub fn uuid(&self, id: &str) -> String {
        let id: uuid::Uuid = id.parse().or_fail("read a UUID");
        match self {
            Self::Sqlite { .. } => format!("x'{}'", id.simple()),
            Self::Postgres { .. } => format!("'{id}'::uuid"),
        }
    }

    /// Makes every insertion into `table` fail from now on, as a full disk would.
    #[track_caller]
    pub fn refuse_insertions(&self, table: &str) {
        self.execute(&match self {
            Self::Sqlite { .. } => format!(
                "CREATE TRIGGER refused BEFORE INSERT ON {table} \
                 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
            ),
            Self::Postgres { .. } => {
                format!("ALTER TABLE {table} ADD CONSTRAINT refused CHECK (false) NOT VALID")
            }
        });
    }

    /// Undoes [`Self::refuse_insertions`].
    #[track_caller]
    pub fn allow_insertions(&self, table: &str) {
        self.execute(&match self {
            Self::Sqlite { .. } => "DROP TRIGGER refused".to_owned(),
            Self::Postgres { .. } => format!("ALTER TABLE {table} DROP CONSTRAINT refused"),
        });
    }

    #[track_caller]
    fn fresh_postgres() -> Self {
        let maintenance = std::env::var(POSTGRES_VARIABLE)
            .or_fail(&format!("use PostgreSQL without {POSTGRES_VARIABLE}"));
        let name = format!("alpacon_test_{}", uuid::Uuid::new_v4().simple());
        block_on("create a database", async {
            let mut connection = postgres(&maintenance).await;
            let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
            let created = sqlx::query(statement).execute(&mut connection).await;
            created.or_fail("create a database");
        });
        Self::Postgres { maintenance, name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Self::Postgres { maintenance, name } = self else {
            return;
        };
        if std::thread::panicking() {
            // Kept for whoever looks into the failure, with the cluster it is in.
            return;
        }
        block_on("drop a database", async {
            let mut connection = postgres(maintenance).await;
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let statement = sqlx::AssertSqlSafe(statement);
            let dropped = sqlx::query(statement).execute(&mut connection).await;
            dropped.or_fail("drop a database");
        });
    }
}

async fn sqlite(data: &Path) -> SqliteConnection {
    let file = std::fs::read_dir(data)
        .or_fail("read the data folder")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.extension().is_some_and(|end| {
                ["db", "sqlite", "sqlite3"]
                    .iter()
                    .any(|known| end == *known)
            })
        })
        .or_fail("find the database file in the data folder");
    SqliteConnection::connect(&format!("sqlite://{}", file.display()))
        .await
        .or_fail("open the database file")
}

async fn postgres(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .or_fail("connect to PostgreSQL")
}

/// `url` with the name of another database.
fn sibling(url: &str, name: &str) -> String {
    let (server, _) = url.rsplit_once('/').unwrap_or((url, ""));
    format!("{server}/{name}")
}

#[cfg(test)]
mod tests {
    use super::sibling;

    #[test]
    fn a_sibling_lies_on_the_same_server() {
        assert_eq!(
            sibling("postgres://u:p@127.0.0.1:5432/postgres", "x"),
            "postgres://u:p@127.0.0.1:5432/x"
        );
    }
}
