//! Commands and their output.

use chrono::{DateTime, Utc};
use protocol::agent::Fin;
use protocol::command::Status;
use protocol::id::{CommandId, LoginId, ServerId, TokenId, UserId, WorkSessionId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::entity::{command, command_chunk};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// A command to be created.
#[derive(Clone, Debug)]
pub struct NewCommand {
    /// Target.
    pub server: ServerId,
    /// Who.
    pub requested_by: Option<UserId>,
    /// With which token.
    pub token: Option<TokenId>,
    /// With which login.
    pub login: Option<LoginId>,
    /// In which work session.
    pub work_session: Option<WorkSessionId>,
    /// `system` or `internal`.
    pub shell: &'static str,
    /// The line.
    pub line: String,
    /// Words, where no shell is needed.
    pub argv: Option<Vec<String>>,
    /// Environment, sealed.
    pub sealed_env: Option<Vec<u8>>,
    /// Arguments of an internal command.
    pub data: String,
    /// Account.
    pub username: String,
    /// Group.
    pub groupname: String,
    /// `queued`, `scheduled`, or `delivered` where the order leaves at once.
    pub status: Status,
    /// What the judge said.
    pub verdict: Json,
    /// What the exec guard lets its tree run.
    pub guard: Option<Json>,
    /// Commands that must finish first.
    pub run_after: Vec<CommandId>,
    /// Not before.
    pub scheduled_at: Option<DateTime<Utc>>,
}

/// What a list of commands may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct CommandFilter {
    /// On this server.
    pub server: Option<ServerId>,
    /// By this user.
    pub requested_by: Option<UserId>,
    /// In this work session.
    pub work_session: Option<WorkSessionId>,
    /// Only on these servers.
    pub servers: Option<Vec<Uuid>>,
    /// With orders to the agent itself.
    pub internal: bool,
}

/// The command queries of a workspace.
pub struct Commands<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Commands and their output.
    #[must_use]
    pub fn commands(self) -> Commands<'a, C> {
        Commands(self)
    }
}

/// States in which the agent has, or may get, a command.
pub(crate) const OPEN: [Status; 6] = [
    Status::Queued,
    Status::Scheduled,
    Status::Delivered,
    Status::Verifying,
    Status::Running,
    Status::Acked,
];

impl<C: ConnectionTrait> Commands<'_, C> {
    /// A command by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: CommandId) -> Result<Option<command::Model>, StoreError> {
        Ok(command::Entity::find_by_id(id.0)
            .filter(command::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// The commands of `ids` that exist, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_all(&self, ids: &[Uuid]) -> Result<Vec<command::Model>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(command::Entity::find()
            .filter(command::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(command::Column::Id.is_in(ids.iter().copied()))
            .all(self.0.connection)
            .await?)
    }

    /// Commands, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        filter: &CommandFilter,
        page: Paging,
    ) -> Result<(Vec<command::Model>, u64), StoreError> {
        use command::Column;
        let mut query = command::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::AddedAt)
            .order_by_desc(Column::Id);
        if let Some(server) = filter.server {
            query = query.filter(Column::ServerId.eq(server.0));
        }
        if let Some(user) = filter.requested_by {
            query = query.filter(Column::RequestedBy.eq(user.0));
        }
        if let Some(session) = filter.work_session {
            query = query.filter(Column::WorkSessionId.eq(session.0));
        }
        if let Some(servers) = &filter.servers {
            query = query.filter(Column::ServerId.is_in(servers.iter().copied()));
        }
        if !filter.internal {
            query = query.filter(Column::Shell.eq(protocol::command::SHELL_SYSTEM));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Commands that are not final, oldest first, optionally of one server.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(&self, server: Option<ServerId>) -> Result<Vec<command::Model>, StoreError> {
        use command::Column;
        let mut query = command::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Status.is_in(OPEN.map(Status::as_str)))
            .order_by_asc(Column::AddedAt);
        if let Some(server) = server {
            query = query.filter(Column::ServerId.eq(server.0));
        }
        Ok(query.all(self.0.connection).await?)
    }

    /// Commands of a user that are not final, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_of(&self, user: UserId) -> Result<Vec<command::Model>, StoreError> {
        use command::Column;
        Ok(command::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Status.is_in(OPEN.map(Status::as_str)))
            .filter(Column::RequestedBy.eq(user.0))
            .filter(Column::Shell.eq(protocol::command::SHELL_SYSTEM))
            .order_by_asc(Column::AddedAt)
            .all(self.0.connection)
            .await?)
    }

    /// How many user commands a server has in flight.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_in_flight(&self, server: ServerId) -> Result<u64, StoreError> {
        use command::Column;
        Ok(command::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ServerId.eq(server.0))
            .filter(Column::Shell.eq(protocol::command::SHELL_SYSTEM))
            .filter(Column::Status.is_in(OPEN.map(Status::as_str)))
            .count(self.0.connection)
            .await?)
    }

    /// Creates a command.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create(&self, new: NewCommand) -> Result<command::Model, StoreError> {
        let time = now();
        Ok(command::ActiveModel {
            id: Set(CommandId::new().0),
            workspace_id: Set(self.0.workspace.0),
            server_id: Set(new.server.0),
            requested_by: Set(new.requested_by.map(|id| id.0)),
            token_id: Set(new.token.map(|id| id.0)),
            login_id: Set(new.login.map(|id| id.0)),
            work_session_id: Set(new.work_session.map(|id| id.0)),
            shell: Set(new.shell.to_owned()),
            line: Set(new.line),
            argv: Set(new.argv.map(|words| json!(words))),
            sealed_env: Set(new.sealed_env),
            data: Set(new.data),
            username: Set(new.username),
            groupname: Set(new.groupname),
            status: Set(new.status.as_str().to_owned()),
            success: Set(None),
            exit_code: Set(None),
            error_phase: Set(None),
            result: Set(String::new()),
            elapsed_time: Set(0.0),
            expected_chunks: Set(None),
            output_chars: Set(0),
            verdict: Set(new.verdict),
            run_after: Set(json!(new.run_after)),
            scheduled_at: Set(new.scheduled_at),
            added_at: Set(time),
            delivered_at: Set((new.status == Status::Delivered).then_some(time)),
            acked_at: Set(None),
            reported_at: Set(None),
            finished_at: Set(None),
            guard: Set(new.guard),
            enforcement: Set(None),
            floor: Set(None),
            programs: Set(0),
            programs_denied: Set(0),
            programs_folded: Set(0),
        }
        .insert(self.0.connection)
        .await?)
    }

    async fn step(
        &self,
        id: CommandId,
        from: &[Status],
        active: command::ActiveModel,
    ) -> Result<bool, StoreError> {
        use command::Column;
        Ok(command::Entity::update_many()
            .set(active)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Status.is_in(from.iter().map(|status| status.as_str())))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Moves a waiting command to delivered, under this guard policy. False: it does not
    /// wait any more, and must not be sent.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn deliver(&self, id: CommandId, guard: Option<Json>) -> Result<bool, StoreError> {
        let active = command::ActiveModel {
            status: Set(Status::Delivered.as_str().to_owned()),
            delivered_at: Set(Some(now())),
            sealed_env: Set(None),
            guard: Set(guard),
            ..Default::default()
        };
        self.step(id, &[Status::Queued, Status::Scheduled], active)
            .await
    }

    /// Moves a scheduled command whose time has come to the queue.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn queue(&self, id: CommandId) -> Result<bool, StoreError> {
        let active = command::ActiveModel {
            status: Set(Status::Queued.as_str().to_owned()),
            ..Default::default()
        };
        self.step(id, &[Status::Scheduled], active).await
    }

    /// Lets a held command go, not before `start`; whoever looks after scheduled
    /// commands starts it. False: it was not held any more.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn release(&self, id: CommandId, start: DateTime<Utc>) -> Result<bool, StoreError> {
        let active = command::ActiveModel {
            status: Set(Status::Scheduled.as_str().to_owned()),
            scheduled_at: Set(Some(start)),
            ..Default::default()
        };
        self.step(id, &[Status::AwaitingApproval], active).await
    }

    /// Ends a held command that will not run. False: it was not held any more.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn refuse(
        &self,
        id: CommandId,
        status: Status,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let active = command::ActiveModel {
            status: Set(status.as_str().to_owned()),
            success: Set(Some(false)),
            finished_at: Set(Some(now())),
            sealed_env: Set(None),
            result: Set(reason.to_owned()),
            ..Default::default()
        };
        self.step(id, &[Status::AwaitingApproval], active).await
    }

    /// Stores the agent's acknowledgement. False: a late or repeated one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn ack(&self, id: CommandId) -> Result<bool, StoreError> {
        let active = command::ActiveModel {
            status: Set(Status::Acked.as_str().to_owned()),
            acked_at: Set(Some(now())),
            ..Default::default()
        };
        self.step(id, &[Status::Queued, Status::Delivered], active)
            .await
    }

    /// Stores a piece of output. False: it is there already.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_chunk(
        &self,
        id: CommandId,
        seq: i64,
        content: &str,
    ) -> Result<bool, StoreError> {
        use command_chunk::Column;
        let inserted = command_chunk::Entity::insert(command_chunk::ActiveModel {
            command_id: Set(id.0),
            seq: Set(seq),
            workspace_id: Set(self.0.workspace.0),
            content: Set(content.replace('\0', "\u{fffd}")),
        })
        .on_conflict(
            OnConflict::columns([Column::CommandId, Column::Seq])
                .do_nothing_on([Column::CommandId, Column::Seq])
                .to_owned(),
        )
        .exec_without_returning(self.0.connection)
        .await?;
        if inserted == 0 {
            return Ok(false);
        }
        let length = i64::try_from(content.chars().count()).unwrap_or(i64::MAX);
        command::Entity::update_many()
            .col_expr(
                command::Column::OutputChars,
                Expr::col(command::Column::OutputChars).add(length),
            )
            .filter(command::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(command::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(true)
    }

    /// Pieces `from..=to` in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn chunks(
        &self,
        id: CommandId,
        from: i64,
        to: Option<i64>,
        page: Paging,
    ) -> Result<(Vec<command_chunk::Model>, u64), StoreError> {
        use command_chunk::Column;
        let mut query = command_chunk::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(id.0))
            .filter(Column::Seq.gte(from))
            .order_by_asc(Column::Seq);
        if let Some(to) = to {
            query = query.filter(Column::Seq.lte(to));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Up to `limit` pieces from `from` in order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn chunks_from(
        &self,
        id: CommandId,
        from: i64,
        limit: u64,
    ) -> Result<Vec<command_chunk::Model>, StoreError> {
        use command_chunk::Column;
        Ok(command_chunk::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(id.0))
            .filter(Column::Seq.gte(from))
            .order_by_asc(Column::Seq)
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }

    /// How many pieces are there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_chunks(&self, id: CommandId) -> Result<u64, StoreError> {
        Ok(command_chunk::Entity::find()
            .filter(command_chunk::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(command_chunk::Column::CommandId.eq(id.0))
            .count(self.0.connection)
            .await?)
    }

    /// Stores the agent's end report; with `complete` the command is final at once,
    /// else once [`Self::finish`] is called. False: a late or repeated one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn report(
        &self,
        id: CommandId,
        fin: &Fin,
        complete: bool,
    ) -> Result<bool, StoreError> {
        use command::Column;
        let time = now();
        let status = if complete {
            Status::ended(fin.success)
        } else {
            Status::Acked
        };
        let timed_out = fin.exit_code == EXIT_TIMEOUT && !fin.success;
        let phase = protocol::command::phase::REMOTE_COMMAND_EXCEEDED_TIMEOUT;
        let active = command::ActiveModel {
            status: Set(status.as_str().to_owned()),
            success: Set(Some(fin.success)),
            exit_code: Set(Some(fin.exit_code)),
            error_phase: Set(timed_out.then(|| phase.to_owned())),
            result: Set(fin.result.replace('\0', "\u{fffd}")),
            elapsed_time: Set(fin.elapsed_time),
            expected_chunks: Set(fin.chunks),
            reported_at: Set(Some(time)),
            // Cleared where it was given up before: this is the real end.
            finished_at: Set(complete.then_some(time)),
            sealed_env: Set(None),
            ..Default::default()
        };
        Ok(command::Entity::update_many()
            .set(active)
            .col_expr(Column::AckedAt, Expr::col(Column::AckedAt).if_null(time))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::ReportedAt.is_null())
            .filter(
                Column::Status.is_in(
                    OPEN.iter()
                        .chain(&[Status::Stuck])
                        .map(|status| status.as_str()),
                ),
            )
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Makes a reported command final. False: it was final already.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn finish(&self, id: CommandId, success: bool) -> Result<bool, StoreError> {
        let status = Status::ended(success);
        let active = command::ActiveModel {
            status: Set(status.as_str().to_owned()),
            finished_at: Set(Some(now())),
            sealed_env: Set(None),
            ..Default::default()
        };
        self.step(id, &OPEN, active).await
    }

    /// Ends a command that the agent will not end. False: it was final already.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn end(
        &self,
        id: CommandId,
        status: Status,
        phase: Option<&str>,
        result: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut active = command::ActiveModel {
            status: Set(status.as_str().to_owned()),
            success: Set(Some(false)),
            error_phase: Set(phase.map(str::to_owned)),
            finished_at: Set(Some(now())),
            sealed_env: Set(None),
            ..Default::default()
        };
        if let Some(result) = result {
            active.result = Set(result.to_owned());
        }
        self.step(id, &OPEN, active).await
    }
}

/// Exit status of a command that ran longer than its host allows.
const EXIT_TIMEOUT: i64 = 124;
