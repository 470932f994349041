//! API tokens.

use chrono::{DateTime, Utc};
use protocol::id::{TokenId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};

use super::Identity;
use crate::entity::{api_token, user};
use crate::paging::{self, Paging};
use crate::{StoreError, now};

/// An API token to be created.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Owner.
    pub user: UserId,
    /// Unique per owner.
    pub name: String,
    /// SHA-256 of the key, hex.
    pub key_hash: String,
    /// `resource:action`.
    pub scopes: Vec<String>,
    /// None: never.
    pub expires_at: Option<DateTime<Utc>>,
}

impl<C: ConnectionTrait> Identity<'_, C> {
    /// Creates an API token.
    ///
    /// # Errors
    /// When its owner has one of that name or the database is not writable.
    pub async fn create_token(&self, new: NewToken) -> Result<api_token::Model, StoreError> {
        let time = now();
        Ok(api_token::ActiveModel {
            id: Set(TokenId::new().0),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(Some(new.user.0)),
            application_id: Set(None),
            name: Set(new.name),
            key_hash: Set(new.key_hash),
            scopes: Set(serde_json::Value::from(new.scopes)),
            enabled: Set(true),
            expires_at: Set(new.expires_at),
            added_at: Set(time),
            updated_at: Set(time),
            last_used_at: Set(None),
            issued_from: Set(None),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// The API token with this key, and its owner. It may be disabled or expired.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token_by_hash(
        &self,
        key_hash: &str,
    ) -> Result<Option<(api_token::Model, Option<user::Model>)>, StoreError> {
        let Some(row) = api_token::Entity::find()
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::KeyHash.eq(key_hash))
            .one(self.0.connection)
            .await?
        else {
            return Ok(None);
        };
        let user = match row.user_id {
            Some(id) => self.user(UserId(id)).await?,
            None => None,
        };
        Ok(Some((row, user)))
    }

    /// API tokens of a user, newest change first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tokens(
        &self,
        owner: UserId,
        name: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<api_token::Model>, u64), StoreError> {
        use api_token::Column;
        let mut query = api_token::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(owner.0))
            .order_by_desc(Column::UpdatedAt)
            .order_by_asc(Column::Id);
        if let Some(name) = name {
            query = query.filter(Column::Name.eq(name));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// A token of a user.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token(
        &self,
        owner: UserId,
        id: TokenId,
    ) -> Result<Option<api_token::Model>, StoreError> {
        Ok(api_token::Entity::find_by_id(id.0)
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::UserId.eq(owner.0))
            .one(self.0.connection)
            .await?)
    }

    /// A token, whoever it belongs to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token_by_id(&self, id: TokenId) -> Result<Option<api_token::Model>, StoreError> {
        Ok(api_token::Entity::find_by_id(id.0)
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Deletes a token of a user. Says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_token(&self, owner: UserId, id: TokenId) -> Result<bool, StoreError> {
        use api_token::Column;
        Ok(api_token::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(owner.0))
            .filter(Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Disables all tokens of a user; says how many there are.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn disable_tokens_of(&self, user: UserId) -> Result<u64, StoreError> {
        use api_token::Column;
        Ok(api_token::Entity::update_many()
            .col_expr(Column::Enabled, Expr::value(false))
            .col_expr(Column::UpdatedAt, Expr::value(now()))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.eq(user.0))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }
}
