//! Passwords and the leave to choose new ones.

use chrono::{DateTime, Utc};
use protocol::id::{PasswordResetId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
};

use super::Identity;
use crate::entity::{password_reset, user};
use crate::{StoreError, now};

impl<C: ConnectionTrait> Identity<'_, C> {
    /// A user as they are now, held so until the unit ends: whoever takes them out of
    /// action waits for what is begun here, and then ends it too.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn hold_user(&self, id: UserId) -> Result<Option<user::Model>, StoreError> {
        Ok(user::Entity::find_by_id(id.0)
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .lock(LockType::Share)
            .one(self.0.connection)
            .await?)
    }

    /// The same, to be changed in this unit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn lock_user(&self, id: UserId) -> Result<Option<user::Model>, StoreError> {
        Ok(user::Entity::find_by_id(id.0)
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .lock(LockType::NoKeyUpdate)
            .one(self.0.connection)
            .await?)
    }

    /// Gives a user another password, and the leaves to choose one end. Says whether
    /// there is such a user.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn set_password(
        &self,
        id: UserId,
        hash: &str,
        must_change: bool,
    ) -> Result<bool, StoreError> {
        use user::Column;
        let changed = user::Entity::update_many()
            .col_expr(Column::PasswordHash, Expr::value(hash))
            .col_expr(Column::MustChangePassword, Expr::value(must_change))
            .col_expr(Column::PasswordChangedAt, Expr::value(now()))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0;
        self.delete_password_resets_of(id).await?;
        Ok(changed)
    }

    /// Makes a user change their password at the next login. Says whether there is such
    /// a user, with a password.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn require_password_change(&self, id: UserId) -> Result<bool, StoreError> {
        use user::Column;
        Ok(user::Entity::update_many()
            .col_expr(Column::MustChangePassword, Expr::value(true))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::PasswordHash.is_not_null())
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Active users with this mail address, in whatever case; at most two, which is one
    /// too many already.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users_by_email(&self, email: &str) -> Result<Vec<user::Model>, StoreError> {
        use sea_orm::sea_query::ExprTrait as _;
        use user::Column;
        let lower = sea_orm::sea_query::Func::lower(Expr::col(Column::Email));
        Ok(user::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Expr::expr(lower).eq(email.to_lowercase()))
            .limit(2)
            .all(self.0.connection)
            .await?)
    }

    /// Records the leave to choose a new password.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create_password_reset(
        &self,
        user: UserId,
        token_hash: String,
        remote_ip: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<password_reset::Model, StoreError> {
        Ok(password_reset::ActiveModel {
            id: Set(PasswordResetId::new().0),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(user.0),
            token_hash: Set(token_hash),
            remote_ip: Set(remote_ip.to_owned()),
            added_at: Set(now()),
            expires_at: Set(expires_at),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// The leave behind a token. It may have expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn password_reset_by_hash(
        &self,
        token_hash: &str,
    ) -> Result<Option<password_reset::Model>, StoreError> {
        Ok(password_reset::Entity::find()
            .filter(password_reset::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(password_reset::Column::TokenHash.eq(token_hash))
            .one(self.0.connection)
            .await?)
    }

    /// Takes a leave away. True for one caller only: that one may use it.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn take_password_reset(&self, id: PasswordResetId) -> Result<bool, StoreError> {
        Ok(password_reset::Entity::delete_many()
            .filter(password_reset::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(password_reset::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Leaves of a user that are still good at `time`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_password_resets(
        &self,
        user: UserId,
        time: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        use password_reset::Column;
        Ok(password_reset::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::ExpiresAt.gt(time))
            .count(self.0.connection)
            .await?)
    }

    /// Ends all leaves of a user.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_password_resets_of(&self, user: UserId) -> Result<(), StoreError> {
        password_reset::Entity::delete_many()
            .filter(password_reset::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(password_reset::Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Removes leaves that expired before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_expired_password_resets(
        &self,
        time: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        password_reset::Entity::delete_many()
            .filter(password_reset::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(password_reset::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }
}
