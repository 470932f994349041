//! Work sessions.

use chrono::{DateTime, Utc};
use protocol::id::{ApprovalId, UserId, WorkSessionId};
use protocol::work_session::{Status, SudoPolicy};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    QueryFilter as _, QueryOrder as _,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::entity::work_session;
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// Rules inside a session, beyond its scopes and servers. Empty lists restrict nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Globs of simple commands.
    pub commands: Vec<String>,
    /// Globs of paths.
    pub paths: Vec<String>,
    /// Target ports.
    pub ports: Vec<String>,
    /// On the host, what no rule allows waits for an answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
}

/// A session to be created.
#[derive(Clone, Debug)]
pub struct NewWorkSession {
    /// Short title.
    pub title: String,
    /// Purpose.
    pub description: String,
    /// State it starts in.
    pub status: Status,
    /// Why it waits in vain.
    pub status_detail: Option<String>,
    /// `user` or `agent`.
    pub requester_type: String,
    /// Operations.
    pub scopes: Vec<String>,
    /// Servers.
    pub servers: Vec<Uuid>,
    /// Sudo policies, each with its id.
    pub sudo_policies: Vec<SudoPolicy>,
    /// Rules.
    pub rules: Rules,
    /// Who asks.
    pub created_by: Option<UserId>,
    /// Who may use it.
    pub assigned_user: Option<UserId>,
    /// The request that a reviewer decides about.
    pub approval_request: Option<ApprovalId>,
    /// Scheduled start.
    pub starts_at: Option<DateTime<Utc>>,
    /// End of the window.
    pub expires_at: DateTime<Utc>,
}

/// What a list of sessions may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// Any of these states; empty: any.
    pub statuses: Vec<Status>,
    /// `user` or `agent`.
    pub requester_type: Option<String>,
    /// Assigned to this user.
    pub assigned_user: Option<UserId>,
    /// Assigned to or created by this user, whatever the other members say.
    pub visible_to: Option<UserId>,
}

/// What changes in a session; the state is checked against `from` when writing.
#[derive(Clone, Debug, Default)]
pub struct SessionChange {
    /// New state.
    pub status: Option<Status>,
    /// Title.
    pub title: Option<String>,
    /// Purpose.
    pub description: Option<String>,
    /// Operations.
    pub scopes: Option<Vec<String>>,
    /// Servers.
    pub servers: Option<Vec<Uuid>>,
    /// Sudo policies.
    pub sudo_policies: Option<Vec<SudoPolicy>>,
    /// Scheduled start.
    pub starts_at: Option<Option<DateTime<Utc>>>,
    /// End of the window.
    pub expires_at: Option<DateTime<Utc>>,
    /// What the reviewer changed.
    pub adjustments: Option<Json>,
    /// Another request that a reviewer decides about.
    pub approval_request: Option<ApprovalId>,
    /// Actual start.
    pub started_at: Option<DateTime<Utc>>,
    /// Actual end.
    pub completed_at: Option<DateTime<Utc>>,
}

/// The work-session queries of a workspace.
pub struct WorkSessions<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Work sessions.
    #[must_use]
    pub fn work_sessions(self) -> WorkSessions<'a, C> {
        WorkSessions(self)
    }
}

impl<C: ConnectionTrait> WorkSessions<'_, C> {
    /// A session by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: WorkSessionId) -> Result<Option<work_session::Model>, StoreError> {
        Ok(work_session::Entity::find_by_id(id.0)
            .filter(work_session::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Sessions, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        filter: &SessionFilter,
        page: Paging,
    ) -> Result<(Vec<work_session::Model>, u64), StoreError> {
        use work_session::Column;
        let mut query = work_session::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::AddedAt)
            .order_by_desc(Column::Id);
        if !filter.statuses.is_empty() {
            query = query.filter(Column::Status.is_in(filter.statuses.iter().map(|s| s.as_str())));
        }
        if let Some(requester_type) = &filter.requester_type {
            query = query.filter(Column::RequesterType.eq(requester_type.as_str()));
        }
        if let Some(user) = filter.assigned_user {
            query = query.filter(Column::AssignedUser.eq(user.0));
        }
        if let Some(user) = filter.visible_to {
            query = query.filter(
                Condition::any()
                    .add(Column::AssignedUser.eq(user.0))
                    .add(Column::CreatedBy.eq(user.0)),
            );
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Sessions assigned to a user that are not final.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn open_of(&self, user: UserId) -> Result<Vec<work_session::Model>, StoreError> {
        use work_session::Column;
        let open = [Status::Pending, Status::Approved, Status::Active].map(Status::as_str);
        Ok(work_session::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::AssignedUser.eq(user.0))
            .filter(Column::Status.is_in(open))
            .all(self.0.connection)
            .await?)
    }

    /// Sessions whose state time has changed: scheduled ones that are due, and
    /// open ones whose window is over.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due(&self, time: DateTime<Utc>) -> Result<Vec<work_session::Model>, StoreError> {
        use work_session::Column;
        let open = [Status::Pending, Status::Approved, Status::Active].map(Status::as_str);
        Ok(work_session::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(
                Condition::any()
                    .add(Column::Status.is_in(open).and(Column::ExpiresAt.lte(time)))
                    .add(
                        Column::Status
                            .eq(Status::Approved.as_str())
                            .and(Column::StartsAt.is_null().or(Column::StartsAt.lte(time))),
                    ),
            )
            .all(self.0.connection)
            .await?)
    }

    /// Creates a session.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create(&self, new: NewWorkSession) -> Result<work_session::Model, StoreError> {
        let time = now();
        Ok(work_session::ActiveModel {
            id: Set(WorkSessionId::new().0),
            workspace_id: Set(self.0.workspace.0),
            title: Set(new.title),
            description: Set(new.description),
            status: Set(new.status.as_str().to_owned()),
            status_detail: Set(new.status_detail),
            requester_type: Set(new.requester_type),
            scopes: Set(json!(new.scopes)),
            servers: Set(json!(new.servers)),
            sudo_policies: Set(json!(new.sudo_policies)),
            rules: Set(json!(new.rules)),
            created_by: Set(new.created_by.map(|id| id.0)),
            assigned_user: Set(new.assigned_user.map(|id| id.0)),
            approval_request_id: Set(new.approval_request.map(|id| id.0)),
            adjustments: Set(None),
            starts_at: Set(new.starts_at),
            expires_at: Set(new.expires_at),
            started_at: Set((new.status == Status::Active).then_some(time)),
            completed_at: Set(None),
            added_at: Set(time),
            updated_at: Set(time),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Changes a session that is in the state it was read in.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when its state changed meanwhile.
    pub async fn change(
        &self,
        row: &work_session::Model,
        change: SessionChange,
    ) -> Result<work_session::Model, StoreError> {
        use work_session::Column;
        let mut active = work_session::ActiveModel {
            updated_at: Set(now()),
            ..Default::default()
        };
        if let Some(status) = change.status {
            active.status = Set(status.as_str().to_owned());
            active.status_detail = Set(None);
        }
        if let Some(title) = change.title {
            active.title = Set(title);
        }
        if let Some(description) = change.description {
            active.description = Set(description);
        }
        if let Some(scopes) = change.scopes {
            active.scopes = Set(json!(scopes));
        }
        if let Some(servers) = change.servers {
            active.servers = Set(json!(servers));
        }
        if let Some(policies) = change.sudo_policies {
            active.sudo_policies = Set(json!(policies));
        }
        if let Some(starts_at) = change.starts_at {
            active.starts_at = Set(starts_at);
        }
        if let Some(expires_at) = change.expires_at {
            active.expires_at = Set(expires_at);
        }
        if let Some(adjustments) = change.adjustments {
            active.adjustments = Set(Some(adjustments));
        }
        if let Some(request) = change.approval_request {
            active.approval_request_id = Set(Some(request.0));
        }
        if let Some(started_at) = change.started_at {
            active.started_at = Set(Some(started_at));
        }
        if let Some(completed_at) = change.completed_at {
            active.completed_at = Set(Some(completed_at));
        }
        let changed = work_session::Entity::update_many()
            .set(active)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(row.id))
            .filter(Column::Status.eq(row.status.as_str()))
            .exec(self.0.connection)
            .await?
            .rows_affected;
        if changed == 0 {
            return Err(StoreError::Stale);
        }
        self.find(WorkSessionId(row.id))
            .await?
            .ok_or(StoreError::Stale)
    }
}
