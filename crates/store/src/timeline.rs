//! What happened in a work session, over all the tables that tell of it.

use protocol::id::WorkSessionId;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order, Query, SelectStatement, UnionType};
use sea_orm::{ConnectionTrait, FromQueryResult as _};
use uuid::Uuid;

use crate::paging::Paging;
use crate::{StoreError, Tenant};

/// What an entry is. Its row is read by its own noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `commands`.
    Command,
    /// `sudo_grants`.
    SudoGrant,
    /// `tunnels`.
    Tunnel,
    /// `websh_sessions`.
    Websh,
}

const COMMANDS: &str = "commands";

/// The tables, each with an id, a workspace, a work session and a time. A new kind
/// of entry is a new line here and its words in the server's `timeline`.
const SOURCES: [(Kind, &str, &str); 4] = [
    (Kind::Command, COMMANDS, "added_at"),
    (Kind::SudoGrant, "sudo_grants", "added_at"),
    (Kind::Tunnel, "tunnels", "added_at"),
    (Kind::Websh, "websh_sessions", "added_at"),
];

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its row.
    pub id: Uuid,
}

#[derive(sea_orm::FromQueryResult)]
struct Row {
    source: i32,
    id: Uuid,
}

#[derive(sea_orm::FromQueryResult)]
struct Count {
    entries: i64,
}

/// The timeline queries of a workspace.
pub struct Timeline<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// What happened in work sessions.
    #[must_use]
    pub fn timeline(self) -> Timeline<'a, C> {
        Timeline(self)
    }
}

impl<C: ConnectionTrait> Timeline<'_, C> {
    /// A page of a session's timeline, newest first, and the count of all entries.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn page(
        &self,
        session: WorkSessionId,
        paging: Paging,
    ) -> Result<(Vec<Entry>, u64), StoreError> {
        let offset = paging.page.saturating_sub(1).saturating_mul(paging.size);
        let Some(mut query) = self.all(session) else {
            return Ok((Vec::new(), 0));
        };
        query
            .order_by(Alias::new("at"), Order::Desc)
            .order_by(Alias::new("id"), Order::Desc)
            .limit(paging.size)
            .offset(offset);
        let connection = self.0.connection;
        let rows = Row::find_by_statement(connection.get_database_backend().build(&query))
            .all(connection)
            .await?;
        let fetched = rows.len() as u64;
        let count = if offset == 0 && fetched < paging.size {
            fetched
        } else {
            self.count(session).await?
        };
        Ok((rows.iter().filter_map(Row::entry).collect(), count))
    }

    async fn count(&self, session: WorkSessionId) -> Result<u64, StoreError> {
        let mut count = 0;
        for (_, table, _) in SOURCES {
            let query = self
                .of(session, table)
                .expr_as(Expr::cust("COUNT(*)"), Alias::new("entries"))
                .to_owned();
            let connection = self.0.connection;
            let found = Count::find_by_statement(connection.get_database_backend().build(&query))
                .one(connection)
                .await?;
            count += found.map_or(0, |found| u64::try_from(found.entries).unwrap_or(0));
        }
        Ok(count)
    }

    fn all(&self, session: WorkSessionId) -> Option<SelectStatement> {
        (0_i32..)
            .zip(SOURCES)
            .map(|(number, (_, table, time))| {
                self.of(session, table)
                    .expr_as(Expr::val(number), Alias::new("source"))
                    .column(Alias::new("id"))
                    .expr_as(Expr::col(Alias::new(time)), Alias::new("at"))
                    .to_owned()
            })
            .reduce(|mut all, next| all.union(UnionType::All, next).to_owned())
    }

    fn of(&self, session: WorkSessionId, table: &'static str) -> SelectStatement {
        let mut query = Query::select()
            .from(Alias::new(table))
            .and_where(Expr::col(Alias::new("workspace_id")).eq(self.0.workspace.0))
            .and_where(Expr::col(Alias::new("work_session_id")).eq(session.0))
            .to_owned();
        if table == COMMANDS {
            // Orders to the agent itself show as what they were given for.
            query.and_where(Expr::col(Alias::new("shell")).eq(protocol::command::SHELL_SYSTEM));
        }
        query
    }
}

impl Row {
    fn entry(&self) -> Option<Entry> {
        let (kind, ..) = *SOURCES.get(usize::try_from(self.source).ok()?)?;
        Some(Entry { kind, id: self.id })
    }
}
