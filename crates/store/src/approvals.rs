//! Requests that wait for a reviewer.

use chrono::{DateTime, Utc};
use protocol::approval::Status;
use protocol::id::{ApprovalId, CommandId, ServerId, UserId, WorkSessionId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::entity::{approval_group, approval_request, approval_review, plan_item};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// A request to be stored.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// Its id, which other rows may name already.
    pub id: ApprovalId,
    /// See [`protocol::approval::kind`].
    pub request_type: &'static str,
    /// One line for people.
    pub summary: String,
    /// Why, in the requester's words.
    pub description: String,
    /// Exactly what is approved.
    pub content: Json,
    /// SHA-256 of `content`, hex.
    pub content_hash: String,
    /// Who asks.
    pub requested_by: Option<UserId>,
    /// Where.
    pub server: Option<ServerId>,
    /// In which session.
    pub work_session: Option<WorkSessionId>,
    /// The command that waits.
    pub command: Option<CommandId>,
    /// Approvals it takes.
    pub needed: i64,
    /// It is void after this.
    pub expires_at: DateTime<Utc>,
}

/// What a list of requests may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct ApprovalFilter {
    /// In this state.
    pub status: Option<Status>,
    /// Of this type.
    pub request_type: Option<String>,
    /// By this user.
    pub requested_by: Option<UserId>,
    /// About which members of one of these groups decide.
    pub reviewer_groups: Option<Vec<Uuid>>,
}

/// The approval queries of a workspace.
pub struct Approvals<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Requests that wait for a reviewer.
    #[must_use]
    pub fn approvals(self) -> Approvals<'a, C> {
        Approvals(self)
    }
}

impl<C: ConnectionTrait> Approvals<'_, C> {
    /// A request by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(
        &self,
        id: ApprovalId,
    ) -> Result<Option<approval_request::Model>, StoreError> {
        Ok(approval_request::Entity::find_by_id(id.0)
            .filter(approval_request::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Requests, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        filter: &ApprovalFilter,
        page: Paging,
    ) -> Result<(Vec<approval_request::Model>, u64), StoreError> {
        use approval_request::Column;
        let mut query = approval_request::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::AddedAt)
            .order_by_desc(Column::Id);
        if let Some(status) = filter.status {
            query = query.filter(Column::Status.eq(status.as_str()));
        }
        if let Some(request_type) = &filter.request_type {
            query = query.filter(Column::RequestType.eq(request_type.as_str()));
        }
        if let Some(user) = filter.requested_by {
            query = query.filter(Column::RequestedBy.eq(user.0));
        }
        if let Some(groups) = &filter.reviewer_groups {
            let theirs = Query::select()
                .column(approval_group::Column::RequestId)
                .from(approval_group::Entity)
                .and_where(approval_group::Column::GroupId.is_in(groups.iter().copied()))
                .to_owned();
            query = query.filter(Column::Id.in_subquery(theirs));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// The pending request, or the unspent approval, of exactly this content by
    /// exactly this user; the newest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn standing(
        &self,
        content_hash: &str,
        requested_by: UserId,
        time: DateTime<Utc>,
    ) -> Result<Option<approval_request::Model>, StoreError> {
        use approval_request::Column;
        let standing = [Status::Pending, Status::Approved].map(Status::as_str);
        Ok(approval_request::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ContentHash.eq(content_hash))
            .filter(Column::RequestedBy.eq(requested_by.0))
            .filter(Column::Status.is_in(standing))
            .filter(Column::UsedAt.is_null())
            .filter(Column::ExpiresAt.gt(time))
            .order_by_desc(Column::AddedAt)
            .one(self.0.connection)
            .await?)
    }

    /// Whether a reviewer refused exactly this content to exactly this user after `since`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn refused_since(
        &self,
        content_hash: &str,
        requested_by: UserId,
        since: DateTime<Utc>,
    ) -> Result<Option<approval_request::Model>, StoreError> {
        use approval_request::Column;
        Ok(approval_request::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ContentHash.eq(content_hash))
            .filter(Column::RequestedBy.eq(requested_by.0))
            .filter(Column::Status.eq(Status::Rejected.as_str()))
            .filter(Column::ReviewedAt.gt(since))
            .order_by_desc(Column::ReviewedAt)
            .one(self.0.connection)
            .await?)
    }

    /// Requests that still wait although their time is over.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn overdue(
        &self,
        time: DateTime<Utc>,
    ) -> Result<Vec<approval_request::Model>, StoreError> {
        use approval_request::Column;
        Ok(approval_request::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Status.eq(Status::Pending.as_str()))
            .filter(Column::ExpiresAt.lte(time))
            .all(self.0.connection)
            .await?)
    }

    /// Pending requests about a session.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pending_of(
        &self,
        session: WorkSessionId,
    ) -> Result<Vec<approval_request::Model>, StoreError> {
        use approval_request::Column;
        Ok(approval_request::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Status.eq(Status::Pending.as_str()))
            .filter(Column::WorkSessionId.eq(session.0))
            .all(self.0.connection)
            .await?)
    }

    /// How many requests of a user are pending.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_pending_by(&self, user: UserId) -> Result<u64, StoreError> {
        use approval_request::Column;
        Ok(approval_request::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Status.eq(Status::Pending.as_str()))
            .filter(Column::RequestedBy.eq(user.0))
            .count(self.0.connection)
            .await?)
    }

    /// Stores a request, pending.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create(&self, new: NewApproval) -> Result<approval_request::Model, StoreError> {
        Ok(approval_request::ActiveModel {
            id: Set(new.id.0),
            workspace_id: Set(self.0.workspace.0),
            request_type: Set(new.request_type.to_owned()),
            status: Set(Status::Pending.as_str().to_owned()),
            summary: Set(new.summary),
            description: Set(new.description),
            content: Set(new.content),
            content_hash: Set(new.content_hash),
            requested_by: Set(new.requested_by.map(|id| id.0)),
            server_id: Set(new.server.map(|id| id.0)),
            work_session_id: Set(new.work_session.map(|id| id.0)),
            command_id: Set(new.command.map(|id| id.0)),
            needed: Set(new.needed),
            reviewed_by: Set(None),
            reviewed_at: Set(None),
            reason: Set(String::new()),
            used_at: Set(None),
            expires_at: Set(new.expires_at),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Holds a pending request for this transaction, so that reviewers who speak at once
    /// count each other. False: it does not wait any more.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn hold_pending(&self, id: ApprovalId) -> Result<bool, StoreError> {
        use approval_request::Column;
        let pending = Status::Pending.as_str();
        let held = approval_request::Entity::update_many()
            .set(approval_request::ActiveModel {
                status: Set(pending.to_owned()),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Status.eq(pending))
            .exec(self.0.connection)
            .await?
            .rows_affected;
        Ok(held > 0)
    }

    /// Stores what a reviewer says. False: they have spoken before.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add_review(
        &self,
        request: ApprovalId,
        user: UserId,
        approves: bool,
        reason: &str,
    ) -> Result<bool, StoreError> {
        use approval_review::Column;
        let stored = approval_review::Entity::insert(approval_review::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            request_id: Set(request.0),
            user_id: Set(user.0),
            approves: Set(approves),
            reason: Set(reason.to_owned()),
            added_at: Set(now()),
        })
        .on_conflict(
            OnConflict::columns([Column::RequestId, Column::UserId])
                .do_nothing_on([Column::RequestId, Column::UserId])
                .to_owned(),
        )
        .exec_without_returning(self.0.connection)
        .await?;
        Ok(stored > 0)
    }

    /// What reviewers said, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn reviews(
        &self,
        request: ApprovalId,
    ) -> Result<Vec<approval_review::Model>, StoreError> {
        use approval_review::Column;
        Ok(approval_review::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::RequestId.eq(request.0))
            .order_by_asc(Column::AddedAt)
            .all(self.0.connection)
            .await?)
    }

    /// Ends the wait of a pending request. False: somebody else did.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn decide(
        &self,
        id: ApprovalId,
        status: Status,
        reviewer: Option<UserId>,
        reason: &str,
    ) -> Result<bool, StoreError> {
        use approval_request::Column;
        let changed = approval_request::Entity::update_many()
            .set(approval_request::ActiveModel {
                status: Set(status.as_str().to_owned()),
                reviewed_by: Set(reviewer.map(|id| id.0)),
                reviewed_at: Set(Some(now())),
                reason: Set(reason.to_owned()),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Status.eq(Status::Pending.as_str()))
            .exec(self.0.connection)
            .await?
            .rows_affected;
        Ok(changed > 0)
    }

    /// Withdraws what waits about a command.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn cancel_of_command(&self, command: CommandId) -> Result<(), StoreError> {
        use approval_request::Column;
        approval_request::Entity::update_many()
            .set(approval_request::ActiveModel {
                status: Set(Status::Cancelled.as_str().to_owned()),
                reviewed_at: Set(Some(now())),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(command.0))
            .filter(Column::Status.eq(Status::Pending.as_str()))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Whether a reviewer approved a command, by itself or in a plan.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn is_approved(&self, command: CommandId) -> Result<bool, StoreError> {
        use approval_request::Column;
        let approved = approval_request::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(command.0))
            .filter(Column::Status.eq(Status::Approved.as_str()))
            .count(self.0.connection)
            .await?;
        // Only those of approved plans are spent.
        let planned = plan_item::Entity::find()
            .filter(plan_item::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(plan_item::Column::CommandId.eq(command.0))
            .count(self.0.connection)
            .await?;
        Ok(approved + planned > 0)
    }

    /// Spends an approval. False: it was spent, is none, or is void.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn spend(&self, id: ApprovalId) -> Result<bool, StoreError> {
        use approval_request::Column;
        let time = now();
        let changed = approval_request::Entity::update_many()
            .set(approval_request::ActiveModel {
                used_at: Set(Some(time)),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Status.eq(Status::Approved.as_str()))
            .filter(Column::UsedAt.is_null().and(Column::ExpiresAt.gt(time)))
            .exec(self.0.connection)
            .await?
            .rows_affected;
        Ok(changed > 0)
    }
}
