//! Decisions about sudo.

use protocol::id::{CommandId, ServerId, SudoGrantId, UserId, WorkSessionId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};
use uuid::Uuid;

use crate::entity::sudo_grant;
use crate::{StoreError, Tenant, now};

/// A decision to be stored.
#[derive(Clone, Debug)]
pub struct NewSudoGrant {
    /// Where.
    pub server: ServerId,
    /// The plugin's id of the request.
    pub request_id: String,
    /// The command in which sudo was called.
    pub command_id: Option<CommandId>,
    /// Its work session.
    pub work_session: Option<WorkSessionId>,
    /// Who answers for it.
    pub user: Option<UserId>,
    /// Account that called sudo.
    pub username: String,
    /// Account it would run as.
    pub run_as: String,
    /// The line.
    pub command: String,
    /// What decided.
    pub grant_type: &'static str,
    /// The decision.
    pub approved: bool,
    /// Machine code of a denial.
    pub error_code: Option<&'static str>,
    /// One sentence.
    pub reason: String,
}

/// The sudo queries of a workspace.
pub struct Sudo<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Decisions about sudo.
    #[must_use]
    pub fn sudo(self) -> Sudo<'a, C> {
        Sudo(self)
    }
}

impl<C: ConnectionTrait> Sudo<'_, C> {
    /// Stores a decision. `None`: this request was decided before.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add(&self, grant: NewSudoGrant) -> Result<Option<SudoGrantId>, StoreError> {
        use sudo_grant::Column;
        let id = SudoGrantId::new();
        let stored = sudo_grant::Entity::insert(sudo_grant::ActiveModel {
            id: Set(id.0),
            workspace_id: Set(self.0.workspace.0),
            server_id: Set(grant.server.0),
            request_id: Set(grant.request_id),
            command_id: Set(grant.command_id.map(|id| id.0)),
            work_session_id: Set(grant.work_session.map(|id| id.0)),
            user_id: Set(grant.user.map(|id| id.0)),
            username: Set(grant.username),
            run_as: Set(grant.run_as),
            command: Set(grant.command),
            grant_type: Set(grant.grant_type.to_owned()),
            approved: Set(grant.approved),
            error_code: Set(grant.error_code.map(str::to_owned)),
            reason: Set(grant.reason),
            added_at: Set(now()),
        })
        .on_conflict(
            OnConflict::columns([Column::ServerId, Column::RequestId])
                .do_nothing_on([Column::ServerId, Column::RequestId])
                .to_owned(),
        )
        .exec_without_returning(self.0.connection)
        .await?;
        Ok((stored > 0).then_some(id))
    }

    /// What was decided about a request.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn decided(
        &self,
        server: ServerId,
        request_id: &str,
    ) -> Result<Option<sudo_grant::Model>, StoreError> {
        use sudo_grant::Column;
        Ok(sudo_grant::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ServerId.eq(server.0))
            .filter(Column::RequestId.eq(request_id))
            .one(self.0.connection)
            .await?)
    }

    /// The decisions of `ids` that exist, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_all(&self, ids: &[Uuid]) -> Result<Vec<sudo_grant::Model>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        use sudo_grant::Column;
        Ok(sudo_grant::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .all(self.0.connection)
            .await?)
    }
}
