//! Programs that commands started, as the exec guard tells them.

use std::collections::HashSet;

use protocol::command::Status;
use protocol::guard::{Level, Program, ProgramEnd, Verdict};
use protocol::id::{CommandId, UserId, WorkSessionId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use serde_json::json;
use uuid::Uuid;

use crate::commands::OPEN;
use crate::entity::{command, exec_event};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant};

/// Rows in one statement: well below what SQLite takes as variables.
const BATCH: usize = 500;

/// The queries about programs of a workspace.
pub struct Programs<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Programs that commands started.
    #[must_use]
    pub fn programs(self) -> Programs<'a, C> {
        Programs(self)
    }
}

/// How many programs a report brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Stored, of any verdict.
    pub stored: u64,
    /// Of those, denied.
    pub denied: u64,
    /// Only counted.
    pub folded: u64,
}

impl<C: ConnectionTrait> Programs<'_, C> {
    /// Notes how a command is guarded.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn guarded(
        &self,
        id: CommandId,
        level: Level,
        floor: &[String],
    ) -> Result<(), StoreError> {
        let active = command::ActiveModel {
            enforcement: Set(Some(level.as_str().to_owned())),
            floor: Set(Some(json!(floor))),
            ..Default::default()
        };
        command::Entity::update_many()
            .set(active)
            .filter(command::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(command::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Numbers of a command's programs that are stored already, at least those among
    /// `programs`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn known(
        &self,
        id: CommandId,
        programs: &[Program],
    ) -> Result<HashSet<i64>, StoreError> {
        use exec_event::Column;
        let numbers = || programs.iter().map(|program| program.seq);
        let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
            return Ok(HashSet::new());
        };
        let known: Vec<i64> = exec_event::Entity::find()
            .select_only()
            .column(Column::Seq)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(id.0))
            .filter(Column::Seq.between(first, last))
            .into_tuple()
            .all(self.0.connection)
            .await?;
        Ok(known.into_iter().collect())
    }

    /// Stores programs; those that are there already stay as they are.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add(
        &self,
        id: CommandId,
        session: Option<Uuid>,
        programs: &[Program],
    ) -> Result<(), StoreError> {
        use exec_event::Column;
        for part in programs.chunks(BATCH) {
            let rows = part.iter().map(|program| self.row(id, session, program));
            exec_event::Entity::insert_many(rows)
                .on_conflict(
                    OnConflict::columns([Column::CommandId, Column::Seq])
                        .do_nothing_on([Column::CommandId, Column::Seq])
                        .to_owned(),
                )
                .exec_without_returning(self.0.connection)
                .await?;
        }
        Ok(())
    }

    fn row(
        &self,
        id: CommandId,
        session: Option<Uuid>,
        program: &Program,
    ) -> exec_event::ActiveModel {
        // PostgreSQL keeps no NUL in a text.
        let text = |text: &str| text.replace('\0', "\u{fffd}");
        let argv: Vec<String> = program.argv.iter().map(|word| text(word)).collect();
        exec_event::ActiveModel {
            command_id: Set(id.0),
            seq: Set(program.seq),
            workspace_id: Set(self.0.workspace.0),
            work_session_id: Set(session),
            time: Set(program.time),
            pid: Set(program.pid.into()),
            ppid: Set(program.ppid.into()),
            uid: Set(program.uid.into()),
            exe: Set(text(&program.exe)),
            sha256: Set(program.sha256.as_deref().map(text)),
            argv: Set(json!(argv)),
            cwd: Set(text(&program.cwd)),
            verdict: Set(program.verdict.as_str().to_owned()),
            rule: Set(program.rule.as_deref().map(text)),
            reason: Set(program.reason.as_deref().map(text)),
            ended_at: Set(program.end.map(|end| end.time)),
            exit_code: Set(program.end.and_then(|end| end.exit_code).map(Into::into)),
            signal: Set(program.end.and_then(|end| end.signal).map(Into::into)),
            answered_by: Set(None),
        }
    }

    /// Stores the end of a program.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn end(&self, id: CommandId, end: &ProgramEnd) -> Result<(), StoreError> {
        use exec_event::Column;
        let active = exec_event::ActiveModel {
            ended_at: Set(Some(end.time)),
            exit_code: Set(end.exit_code.map(Into::into)),
            signal: Set(end.signal.map(Into::into)),
            ..Default::default()
        };
        exec_event::Entity::update_many()
            .set(active)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(id.0))
            .filter(Column::Seq.eq(end.seq))
            .filter(Column::EndedAt.is_null())
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Adds to the counts of a command.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn count(&self, id: CommandId, counts: Counts) -> Result<(), StoreError> {
        use command::Column;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let sum = |column: Column, count: u64| Expr::col(column).add(number(count));
        command::Entity::update_many()
            .col_expr(Column::Programs, sum(Column::Programs, counts.stored))
            .col_expr(
                Column::ProgramsDenied,
                sum(Column::ProgramsDenied, counts.denied),
            )
            .col_expr(
                Column::ProgramsFolded,
                sum(Column::ProgramsFolded, counts.folded),
            )
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// A program of a command.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(
        &self,
        id: CommandId,
        seq: i64,
    ) -> Result<Option<exec_event::Model>, StoreError> {
        Ok(exec_event::Entity::find_by_id((id.0, seq))
            .filter(exec_event::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Programs of a command in their order; with `not_allowed`, only those that were
    /// held or denied.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        id: CommandId,
        not_allowed: bool,
        page: Paging,
    ) -> Result<(Vec<exec_event::Model>, u64), StoreError> {
        use exec_event::Column;
        let mut query = exec_event::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(id.0))
            .order_by_asc(Column::Seq);
        if not_allowed {
            query = query.filter(Column::Verdict.ne(Verdict::Allow.as_str()));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// The first programs of several commands, and of each what was not allowed, up to
    /// `limit` rows in all.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of_commands(
        &self,
        ids: impl IntoIterator<Item = Uuid>,
        first: i64,
        limit: u64,
    ) -> Result<Vec<exec_event::Model>, StoreError> {
        use exec_event::Column;
        Ok(exec_event::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.is_in(ids))
            .filter(
                Condition::any()
                    .add(Column::Seq.lte(first))
                    .add(Column::Verdict.ne(Verdict::Allow.as_str())),
            )
            .order_by_asc(Column::CommandId)
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }

    /// Levels that commands of a session have reached, each once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn levels(&self, session: WorkSessionId) -> Result<Vec<Level>, StoreError> {
        use command::Column;
        let words: Vec<Option<String>> = command::Entity::find()
            .select_only()
            .column(Column::Enforcement)
            .distinct()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::WorkSessionId.eq(session.0))
            .filter(Column::AckedAt.is_not_null())
            .into_tuple()
            .all(self.0.connection)
            .await?;
        let level = |word: Option<String>| word.and_then(|word| Level::parse(&word));
        Ok(words
            .into_iter()
            .map(|word| level(word).unwrap_or_default())
            .collect())
    }

    /// Held programs of running commands that nobody answered about, oldest first, with
    /// their commands.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn held(
        &self,
        limit: u64,
    ) -> Result<Vec<(command::Model, exec_event::Model)>, StoreError> {
        use command::Column;
        let commands = command::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Status.is_in(OPEN.map(Status::as_str)))
            .filter(Column::Programs.gt(0))
            .all(self.0.connection)
            .await?;
        let waiting = self
            .waiting()
            .filter(exec_event::Column::CommandId.is_in(commands.iter().map(|command| command.id)));
        let events = waiting
            .order_by_asc(exec_event::Column::Time)
            .limit(limit)
            .all(self.0.connection)
            .await?;
        let with_command = |event: exec_event::Model| {
            let command = commands.iter().find(|row| row.id == event.command_id)?;
            Some((command.clone(), event))
        };
        Ok(events.into_iter().filter_map(with_command).collect())
    }

    /// How many programs of a session wait for an answer.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_held(&self, session: Uuid) -> Result<u64, StoreError> {
        let of_session = exec_event::Column::WorkSessionId.eq(session);
        Ok(self
            .waiting()
            .filter(of_session)
            .count(self.0.connection)
            .await?)
    }

    fn waiting(&self) -> Select<exec_event::Entity> {
        use exec_event::Column;
        exec_event::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Verdict.eq(Verdict::Hold.as_str()))
            .filter(Column::EndedAt.is_null())
    }

    /// Answers about a held program. False: nobody waits for an answer any more.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn answer(
        &self,
        id: CommandId,
        seq: i64,
        verdict: Verdict,
        by: UserId,
    ) -> Result<bool, StoreError> {
        use exec_event::Column;
        let active = exec_event::ActiveModel {
            verdict: Set(verdict.as_str().to_owned()),
            answered_by: Set(Some(by.0)),
            ..Default::default()
        };
        Ok(exec_event::Entity::update_many()
            .set(active)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(id.0))
            .filter(Column::Seq.eq(seq))
            .filter(Column::Verdict.eq(Verdict::Hold.as_str()))
            .filter(Column::EndedAt.is_null())
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }
}
