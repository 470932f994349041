//! File transfers and their log.

use chrono::{DateTime, Utc};
use protocol::id::{CommandId, ServerId, TokenId, TransferId, UserId, WorkSessionId};
use protocol::transfer::{Direction, PathRules};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use serde_json::json;

use crate::entity::transfer;
use crate::{StoreError, Tenant, now};

/// A transfer to be created.
#[derive(Clone, Debug)]
pub struct NewTransfer {
    /// Chosen by the caller, who signs URLs with it.
    pub id: TransferId,
    /// Target.
    pub server: ServerId,
    /// Who.
    pub requested_by: Option<UserId>,
    /// With which token.
    pub token: Option<TokenId>,
    /// In which work session.
    pub work_session: Option<WorkSessionId>,
    /// Which way.
    pub direction: Direction,
    /// Base name.
    pub name: String,
    /// As typed.
    pub paths: Vec<String>,
    /// As ordered.
    pub ordered_paths: Vec<String>,
    /// `file`, `folder` or `bulk`.
    pub resource_type: &'static str,
    /// Account.
    pub username: String,
    /// Group.
    pub groupname: String,
    /// The account's home directory, where known.
    pub home_directory: String,
    /// Replace what is there.
    pub allow_overwrite: bool,
    /// Unpack a zip.
    pub allow_unzip: bool,
    /// What the agent must keep to.
    pub rules: PathRules,
    /// Deliver while it arrives.
    pub streaming: bool,
    /// Announced bytes; 0 when unknown.
    pub size: i64,
    /// From where it was asked for.
    pub remote_ip: String,
    /// When everything about it ends.
    pub expires_at: DateTime<Utc>,
}

/// How a transfer ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Whether it worked.
    pub success: bool,
    /// For people.
    pub message: String,
    /// Where an upload went.
    pub final_path: Option<String>,
}

/// What a list of transfers may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct TransferFilter {
    /// On this server.
    pub server: Option<ServerId>,
    /// By this user.
    pub requested_by: Option<UserId>,
    /// With this token.
    pub token: Option<TokenId>,
    /// This way only.
    pub direction: Option<Direction>,
}

/// The transfer queries of a workspace.
pub struct Transfers<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// File transfers and their log.
    #[must_use]
    pub fn transfers(self) -> Transfers<'a, C> {
        Transfers(self)
    }
}

impl<C: ConnectionTrait> Transfers<'_, C> {
    fn select(&self) -> sea_orm::Select<transfer::Entity> {
        transfer::Entity::find().filter(transfer::Column::WorkspaceId.eq(self.0.workspace.0))
    }

    fn update(&self, id: TransferId) -> sea_orm::UpdateMany<transfer::Entity> {
        transfer::Entity::update_many()
            .filter(transfer::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(transfer::Column::TransferId.eq(id.0))
    }

    /// A transfer by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: TransferId) -> Result<Option<transfer::Model>, StoreError> {
        Ok(self
            .select()
            .filter(transfer::Column::TransferId.eq(id.0))
            .one(self.0.connection)
            .await?)
    }

    /// Creates a transfer.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create(&self, new: NewTransfer) -> Result<transfer::Model, StoreError> {
        Ok(transfer::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.0.workspace.0),
            transfer_id: Set(new.id.0),
            server_id: Set(new.server.0),
            requested_by: Set(new.requested_by.map(|id| id.0)),
            token_id: Set(new.token.map(|id| id.0)),
            work_session_id: Set(new.work_session.map(|id| id.0)),
            command_id: Set(None),
            direction: Set(new.direction.as_str().to_owned()),
            name: Set(new.name),
            paths: Set(json!(new.paths)),
            ordered_paths: Set(json!(new.ordered_paths)),
            resource_type: Set(new.resource_type.to_owned()),
            username: Set(new.username),
            groupname: Set(new.groupname),
            home_directory: Set(new.home_directory),
            allow_overwrite: Set(new.allow_overwrite),
            allow_unzip: Set(new.allow_unzip),
            rules: Set(json!(new.rules)),
            streaming: Set(new.streaming),
            size: Set(new.size),
            sha256: Set(None),
            stored: Set(false),
            removed: Set(false),
            fetched_at: Set(None),
            success: Set(None),
            message: Set(String::new()),
            final_path: Set(None),
            remote_ip: Set(new.remote_ip),
            added_at: Set(now()),
            expires_at: Set(new.expires_at),
            finished_at: Set(None),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Names the command that carries it out. False: there is one already, or the
    /// transfer has ended.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn order(&self, id: TransferId, command: CommandId) -> Result<bool, StoreError> {
        let ordered = self
            .update(id)
            .filter(transfer::Column::CommandId.is_null())
            .filter(transfer::Column::Success.is_null())
            .col_expr(transfer::Column::CommandId, Expr::value(command.0))
            .exec(self.0.connection)
            .await?;
        Ok(ordered.rows_affected > 0)
    }

    /// All of the content is in the store. False: it was before.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn stored(
        &self,
        id: TransferId,
        size: i64,
        sha256: &str,
    ) -> Result<bool, StoreError> {
        let stored = self
            .update(id)
            .filter(transfer::Column::Stored.eq(false))
            .filter(transfer::Column::Removed.eq(false))
            .col_expr(transfer::Column::Stored, Expr::value(true))
            .col_expr(transfer::Column::Size, Expr::value(size))
            .col_expr(transfer::Column::Sha256, Expr::value(sha256))
            .exec(self.0.connection)
            .await?;
        Ok(stored.rows_affected > 0)
    }

    /// The user has read all of it, or one more part of it.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn fetched(&self, id: TransferId) -> Result<(), StoreError> {
        self.update(id)
            .col_expr(transfer::Column::FetchedAt, Expr::value(now()))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Ends a transfer. False: it had ended.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn finish(&self, id: TransferId, outcome: &Outcome) -> Result<bool, StoreError> {
        let finished = self
            .update(id)
            .filter(transfer::Column::Success.is_null())
            .col_expr(transfer::Column::Success, Expr::value(outcome.success))
            .col_expr(transfer::Column::Message, Expr::value(&outcome.message))
            .col_expr(
                transfer::Column::FinalPath,
                Expr::value(outcome.final_path.clone()),
            )
            .col_expr(transfer::Column::FinishedAt, Expr::value(now()))
            .exec(self.0.connection)
            .await?;
        Ok(finished.rows_affected > 0)
    }

    /// The store has nothing of it any more.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn removed(&self, id: TransferId) -> Result<(), StoreError> {
        self.update(id)
            .col_expr(transfer::Column::Removed, Expr::value(true))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Transfers after a position in the log that have not ended, or whose content
    /// may still be in the store; oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open(&self, after: i64, limit: u64) -> Result<Vec<transfer::Model>, StoreError> {
        Ok(self
            .select()
            .filter(transfer::Column::Removed.eq(false))
            .filter(transfer::Column::Id.gt(after))
            .order_by_asc(transfer::Column::Id)
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }

    /// Transfers of a requester that have not ended.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_open(
        &self,
        user: Option<UserId>,
        token: Option<TokenId>,
    ) -> Result<u64, StoreError> {
        let query = self.select().filter(transfer::Column::Success.is_null());
        let query = query.filter(is_of(user, token));
        Ok(query.count(self.0.connection).await?)
    }

    /// Bytes that the store holds for the workspace, or has promised to take.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn bytes_held(&self) -> Result<i64, StoreError> {
        self.sum(self.held()).await
    }

    /// The part of [`Self::bytes_held`] that one requester asked for.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn bytes_held_of(
        &self,
        user: Option<UserId>,
        token: Option<TokenId>,
    ) -> Result<i64, StoreError> {
        self.sum(self.held().filter(is_of(user, token))).await
    }

    fn held(&self) -> Select<transfer::Entity> {
        self.select().filter(transfer::Column::Removed.eq(false))
    }

    async fn sum(&self, query: Select<transfer::Entity>) -> Result<i64, StoreError> {
        let sizes: Vec<i64> = query
            .select_only()
            .column(transfer::Column::Size)
            .into_tuple()
            .all(self.0.connection)
            .await?;
        Ok(sizes.into_iter().fold(0, i64::saturating_add))
    }

    /// Up to `limit` transfers of a work session, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn of_session(
        &self,
        session: WorkSessionId,
        limit: u64,
    ) -> Result<Vec<transfer::Model>, StoreError> {
        use transfer::Column;
        Ok(self
            .select()
            .filter(Column::WorkSessionId.eq(session.0))
            .order_by_desc(Column::Id)
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }

    /// The log before `before` (exclusive), newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn log(
        &self,
        filter: &TransferFilter,
        servers: Option<Vec<uuid::Uuid>>,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<transfer::Model>, StoreError> {
        use transfer::Column;
        let mut condition = Condition::all();
        if let Some(server) = filter.server {
            condition = condition.add(Column::ServerId.eq(server.0));
        }
        if let Some(user) = filter.requested_by {
            condition = condition.add(Column::RequestedBy.eq(user.0));
        }
        if let Some(token) = filter.token {
            condition = condition.add(Column::TokenId.eq(token.0));
        }
        if let Some(direction) = filter.direction {
            condition = condition.add(Column::Direction.eq(direction.as_str()));
        }
        if let Some(servers) = servers {
            condition = condition.add(Column::ServerId.is_in(servers));
        }
        if let Some(before) = before {
            condition = condition.add(Column::Id.lt(before));
        }
        Ok(self
            .select()
            .filter(condition)
            .order_by_desc(Column::Id)
            .limit(limit)
            .all(self.0.connection)
            .await?)
    }
}

/// What one requester asked for: a user, or a token that is nobody's.
fn is_of(user: Option<UserId>, token: Option<TokenId>) -> SimpleExpr {
    match user {
        Some(user) => transfer::Column::RequestedBy.eq(user.0),
        None => transfer::Column::TokenId.eq(token.map(|id| id.0)),
    }
}
