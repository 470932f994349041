//! Interactive logins, and sign-ins that are not done yet.

use chrono::{DateTime, Utc};
use protocol::id::{LoginId, UserId};
use sea_orm::ActiveValue::{Set, Unchanged};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};
use serde_json::{Value as Json, json};

use super::Identity;
use crate::entity::{login, sign_in_attempt, user};
use crate::{StoreError, now};

/// A login to be recorded.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Whose.
    pub user: UserId,
    /// `password`, `browser` or `oauth`.
    pub method: &'static str,
    /// SHA-256 of the session token, the cookie or the refresh token, hex.
    pub token_hash: String,
    /// Where it came from.
    pub remote_ip: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// The OAuth client.
    pub client: String,
    /// The installation that the client names.
    pub device: String,
    /// What the caller says it is.
    pub user_agent: String,
    /// Granted scope.
    pub scope: String,
    /// Object: name of each factor that was proved → when.
    pub factors: Json,
}

impl NewLogin {
    /// A login without the optional parts.
    #[must_use]
    pub fn new(
        user: UserId,
        method: &'static str,
        token_hash: String,
        expires_at: DateTime<Utc>,
    ) -> Self {
        Self {
            user,
            method,
            token_hash,
            remote_ip: String::new(),
            expires_at,
            client: String::new(),
            device: String::new(),
            user_agent: String::new(),
            scope: String::new(),
            factors: json!({}),
        }
    }
}

/// A sign-in that still lacks a factor, to be recorded.
#[derive(Clone, Debug)]
pub struct NewSignInAttempt {
    /// Whose first factor was proved.
    pub user: UserId,
    /// SHA-256 of the browser's cookie, hex.
    pub token_hash: String,
    /// The first factor.
    pub method: String,
    /// Object: name of each factor that was proved → when.
    pub factors: Json,
    /// Local path to go to when done.
    pub next: String,
    /// When it lapses.
    pub expires_at: DateTime<Utc>,
}

impl<C: ConnectionTrait> Identity<'_, C> {
    /// Records a login.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create_login(&self, new: NewLogin) -> Result<login::Model, StoreError> {
        Ok(login::ActiveModel {
            id: Set(LoginId::new().0),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(new.user.0),
            method: Set(new.method.to_owned()),
            token_hash: Set(new.token_hash),
            remote_ip: Set(new.remote_ip),
            added_at: Set(now()),
            expires_at: Set(new.expires_at),
            client: Set(new.client),
            device: Set(new.device),
            user_agent: Set(new.user_agent),
            scope: Set(new.scope),
            factors: Set(new.factors),
            seen_at: Set(Some(now())),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// The login of `method` behind a secret, and its user. It may have expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn login_by_hash(
        &self,
        method: &str,
        token_hash: &str,
    ) -> Result<Option<(login::Model, user::Model)>, StoreError> {
        use login::Column;
        let row = login::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Method.eq(method))
            .filter(Column::TokenHash.eq(token_hash))
            .one(self.0.connection)
            .await?;
        self.with_user(row).await
    }

    /// A login and its user. It may have expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn login(
        &self,
        id: LoginId,
    ) -> Result<Option<(login::Model, user::Model)>, StoreError> {
        let row = login::Entity::find_by_id(id.0)
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?;
        self.with_user(row).await
    }

    async fn with_user(
        &self,
        row: Option<login::Model>,
    ) -> Result<Option<(login::Model, user::Model)>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        let user = self.user(UserId(row.user_id)).await?;
        Ok(user.map(|user| (row, user)))
    }

    /// The logins of a user that have not expired, the latest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn logins_of(&self, user: UserId) -> Result<Vec<login::Model>, StoreError> {
        use login::Column;
        Ok(login::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::ExpiresAt.gt(now()))
            .order_by_desc(Column::Id)
            .all(self.0.connection)
            .await?)
    }

    /// Whether the user has a login from this address that still holds.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_login_from(&self, user: UserId, ip: &str) -> Result<bool, StoreError> {
        use login::Column;
        Ok(login::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .filter(Column::RemoteIp.eq(ip))
            .filter(Column::ExpiresAt.gt(now()))
            .count(self.0.connection)
            .await?
            > 0)
    }

    /// Notes that a login got something new, and puts its end off until `expires_at`.
    ///
    /// # Errors
    /// When the login is gone or the database not writable.
    pub async fn renew_login(
        &self,
        id: LoginId,
        expires_at: DateTime<Utc>,
        ip: &str,
    ) -> Result<(), StoreError> {
        use login::Column;
        self.change_login(
            id,
            [
                (Column::SeenAt, Expr::value(now())),
                (Column::ExpiresAt, Expr::value(expires_at)),
                (Column::RemoteIp, Expr::value(ip)),
            ],
        )
        .await
    }

    /// Stores the factors that were proved in a login, all of them.
    ///
    /// # Errors
    /// When the login is gone or the database not writable.
    pub(crate) async fn set_login_factors(
        &self,
        id: LoginId,
        factors: Json,
    ) -> Result<(), StoreError> {
        self.change_login(id, [(login::Column::Factors, Expr::value(factors))])
            .await
    }

    /// Gives a login another secret; the old one is void. `token_hash`: SHA-256, hex.
    ///
    /// # Errors
    /// When the login is gone or the database not writable.
    pub async fn replace_login_secret(
        &self,
        id: LoginId,
        token_hash: String,
    ) -> Result<(), StoreError> {
        self.change_login(id, [(login::Column::TokenHash, Expr::value(token_hash))])
            .await
    }

    async fn change_login(
        &self,
        id: LoginId,
        values: impl IntoIterator<Item = (login::Column, Expr)>,
    ) -> Result<(), StoreError> {
        let mut update = login::Entity::update_many()
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(login::Column::Id.eq(id.0));
        for (column, value) in values {
            update = update.col_expr(column, value);
        }
        match update.exec(self.0.connection).await?.rows_affected {
            0 => Err(StoreError::Stale),
            _ => Ok(()),
        }
    }

    /// Ends a login; says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_login(&self, id: LoginId) -> Result<bool, StoreError> {
        let deleted = login::Entity::delete_many()
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(login::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(deleted.rows_affected > 0)
    }

    /// Removes logins and sign-ins that expired before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_expired_logins(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        sign_in_attempt::Entity::delete_many()
            .filter(sign_in_attempt::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(sign_in_attempt::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?;
        Ok(login::Entity::delete_many()
            .filter(login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(login::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }

    /// Ends all logins of a user, also those that are being made; says how many
    /// there were.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_logins_of(&self, user: UserId) -> Result<u64, StoreError> {
        use login::Column;
        sign_in_attempt::Entity::delete_many()
            .filter(sign_in_attempt::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(sign_in_attempt::Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?;
        self.0.oauth().drop_codes_of(user).await?;
        Ok(login::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }

    /// Records a sign-in that still lacks a factor.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn create_sign_in_attempt(
        &self,
        new: NewSignInAttempt,
    ) -> Result<sign_in_attempt::Model, StoreError> {
        Ok(sign_in_attempt::ActiveModel {
            id: Set(LoginId::new().0),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(new.user.0),
            token_hash: Set(new.token_hash),
            method: Set(new.method),
            factors: Set(new.factors),
            next: Set(new.next),
            added_at: Set(now()),
            expires_at: Set(new.expires_at),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// The sign-in of a browser that still lacks a factor, with its user.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sign_in_attempt(
        &self,
        token_hash: &str,
    ) -> Result<Option<(sign_in_attempt::Model, user::Model)>, StoreError> {
        use sign_in_attempt::Column;
        let Some(row) = sign_in_attempt::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TokenHash.eq(token_hash))
            .filter(Column::ExpiresAt.gt(now()))
            .one(self.0.connection)
            .await?
        else {
            return Ok(None);
        };
        let user = self.user(UserId(row.user_id)).await?;
        Ok(user.map(|user| (row, user)))
    }

    /// Stores the factors that were proved in a sign-in, all of them.
    ///
    /// # Errors
    /// When the sign-in is gone or the database not writable.
    pub async fn set_attempt_factors(
        &self,
        attempt: &sign_in_attempt::Model,
        factors: Json,
    ) -> Result<(), StoreError> {
        sign_in_attempt::ActiveModel {
            id: Unchanged(attempt.id),
            factors: Set(factors),
            ..Default::default()
        }
        .update(self.0.connection)
        .await?;
        Ok(())
    }

    /// Forgets the unfinished sign-in of a browser; says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_sign_in_attempt(&self, token_hash: &str) -> Result<bool, StoreError> {
        use sign_in_attempt::Column;
        let deleted = sign_in_attempt::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::TokenHash.eq(token_hash))
            .exec(self.0.connection)
            .await?;
        Ok(deleted.rows_affected > 0)
    }
}
