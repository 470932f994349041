//! Invitations to a workspace.

use chrono::{DateTime, Utc};
use protocol::id::{InvitationId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::Identity;
use crate::entity::invitation;
use crate::paging::{self, Paging};
use crate::{StoreError, now};

impl<C: ConnectionTrait> Identity<'_, C> {
    /// Invites an address; an earlier invitation of it is no longer good.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn invite(
        &self,
        email: &str,
        token_hash: String,
        invited_by: Option<UserId>,
        expires_at: DateTime<Utc>,
    ) -> Result<invitation::Model, StoreError> {
        use invitation::Column;
        invitation::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Email.eq(email))
            .exec(self.0.connection)
            .await?;
        Ok(invitation::ActiveModel {
            id: Set(InvitationId::new().0),
            workspace_id: Set(self.0.workspace.0),
            email: Set(email.to_owned()),
            token_hash: Set(token_hash),
            invited_by: Set(invited_by.map(|id| id.0)),
            added_at: Set(now()),
            expires_at: Set(expires_at),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Open invitations, newest first. Expired ones are among them until they are swept.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn invitations(
        &self,
        page: Paging,
    ) -> Result<(Vec<invitation::Model>, u64), StoreError> {
        let query = invitation::Entity::find()
            .filter(invitation::Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(invitation::Column::AddedAt)
            .order_by_asc(invitation::Column::Id);
        paging::fetch(query, self.0.connection, page).await
    }

    /// How many invitations are open.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_invitations(&self) -> Result<u64, StoreError> {
        Ok(invitation::Entity::find()
            .filter(invitation::Column::WorkspaceId.eq(self.0.workspace.0))
            .count(self.0.connection)
            .await?)
    }

    /// An invitation by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn invitation(
        &self,
        id: InvitationId,
    ) -> Result<Option<invitation::Model>, StoreError> {
        Ok(invitation::Entity::find_by_id(id.0)
            .filter(invitation::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// The invitation behind a token. It may have expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn invitation_by_hash(
        &self,
        token_hash: &str,
    ) -> Result<Option<invitation::Model>, StoreError> {
        Ok(invitation::Entity::find()
            .filter(invitation::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(invitation::Column::TokenHash.eq(token_hash))
            .one(self.0.connection)
            .await?)
    }

    /// Takes an invitation away. True for one caller only: that one may use it.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn take_invitation(&self, id: InvitationId) -> Result<bool, StoreError> {
        Ok(invitation::Entity::delete_many()
            .filter(invitation::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(invitation::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Takes back what a user has invited.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_invitations_of(&self, inviter: UserId) -> Result<(), StoreError> {
        invitation::Entity::delete_many()
            .filter(invitation::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(invitation::Column::InvitedBy.eq(inviter.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Removes invitations that expired before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_expired_invitations(&self, time: DateTime<Utc>) -> Result<(), StoreError> {
        invitation::Entity::delete_many()
            .filter(invitation::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(invitation::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }
}
