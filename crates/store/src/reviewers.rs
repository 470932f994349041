//! Groups whose members decide about requests.

use protocol::id::{ApprovalId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};
use uuid::Uuid;

use crate::entity::{approval_group, group, membership, user};
use crate::{StoreError, Tenant};

/// The reviewer groups of a workspace.
pub struct Reviewers<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Groups whose members decide about requests.
    #[must_use]
    pub fn reviewers(self) -> Reviewers<'a, C> {
        Reviewers(self)
    }
}

impl<C: ConnectionTrait> Reviewers<'_, C> {
    /// Lets the members of `groups` decide about a request, instead of superusers.
    ///
    /// # Errors
    /// When a group is gone or the database is not writable.
    pub async fn set(&self, request: ApprovalId, groups: &[Uuid]) -> Result<(), StoreError> {
        if groups.is_empty() {
            return Ok(());
        }
        let rows = groups.iter().map(|group| approval_group::ActiveModel {
            id: Set(Uuid::now_v7()),
            workspace_id: Set(self.0.workspace.0),
            request_id: Set(request.0),
            group_id: Set(*group),
        });
        approval_group::Entity::insert_many(rows)
            .exec_without_returning(self.0.connection)
            .await?;
        Ok(())
    }

    /// The groups whose members decide about a request; none: superusers do.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn groups_of(&self, request: ApprovalId) -> Result<Vec<Uuid>, StoreError> {
        use approval_group::Column;
        let rows = approval_group::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::RequestId.eq(request.0))
            .order_by_asc(Column::Id)
            .all(self.0.connection)
            .await?;
        Ok(rows.into_iter().map(|row| row.group_id).collect())
    }

    /// Those of the groups that a user is in.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Uuid>, StoreError> {
        use membership::Column;
        let rows = membership::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .all(self.0.connection)
            .await?;
        Ok(rows.into_iter().map(|row| row.group_id).collect())
    }

    /// Whether members of one of `groups` decide, or decided, about any request.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn is_any(&self, groups: &[Uuid]) -> Result<bool, StoreError> {
        use approval_group::Column;
        let found = approval_group::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::GroupId.is_in(groups.iter().copied()))
            .one(self.0.connection)
            .await?;
        Ok(found.is_some())
    }

    /// Groups by exact name, in the order of their names.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn groups_named(&self, names: &[String]) -> Result<Vec<group::Model>, StoreError> {
        use group::Column;
        Ok(group::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Name.is_in(names.iter().map(String::as_str)))
            .order_by_asc(Column::Name)
            .all(self.0.connection)
            .await?)
    }

    /// Active members of the groups, each once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn members(&self, groups: &[Uuid]) -> Result<Vec<user::Model>, StoreError> {
        let rows = membership::Entity::find()
            .filter(membership::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(membership::Column::GroupId.is_in(groups.iter().copied()))
            .all(self.0.connection)
            .await?;
        Ok(user::Entity::find()
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(user::Column::Id.is_in(rows.iter().map(|row| row.user_id)))
            .filter(user::Column::IsActive.eq(true))
            .order_by_asc(user::Column::Id)
            .all(self.0.connection)
            .await?)
    }
}
