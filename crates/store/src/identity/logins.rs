//! Interactive logins.

use chrono::{DateTime, Utc};
use protocol::id::{LoginId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
};

use super::Identity;
use crate::entity::{login, user};
use crate::{StoreError, now};

impl<C: ConnectionTrait> Identity<'_, C> {
    /// Records a login.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create_login(
        &self,
        user: UserId,
        method: &str,
        token_hash: String,
        remote_ip: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<login::Model, StoreError> {
        Ok(login::ActiveModel {
            id: Set(LoginId::new().0),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(user.0),
            method: Set(method.to_owned()),
            token_hash: Set(token_hash),
            remote_ip: Set(remote_ip.to_owned()),
            added_at: Set(now()),
            expires_at: Set(expires_at),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// The login behind a session token, and its user. It may have expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn login_by_hash(
        &self,
        token_hash: &str,
    ) -> Result<Option<(login::Model, user::Model)>, StoreError> {
        let Some(row) = login::Entity::find()
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(login::Column::TokenHash.eq(token_hash))
            .one(self.0.connection)
            .await?
        else {
            return Ok(None);
        };
        let user = self.user(UserId(row.user_id)).await?;
        Ok(user.map(|user| (row, user)))
    }

    /// Ends a login.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_login(&self, id: LoginId) -> Result<(), StoreError> {
        login::Entity::delete_many()
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(login::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Removes logins that expired before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_expired_logins(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(login::Entity::delete_many()
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(login::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }

    /// Ends all logins of a user; says how many there were.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_logins_of(&self, user: UserId) -> Result<u64, StoreError> {
        use login::Column;
        Ok(login::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }
}
