//! Users, groups, logins and API tokens.

use chrono::{DateTime, Utc};
use protocol::id::{GroupId, LoginId, TokenId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};

use crate::entity::{api_token, group, login, membership, user};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// A user to be created; the rest starts empty.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// System account name.
    pub username: String,
    /// Mail address.
    pub email: String,
    /// Argon2id in PHC form.
    pub password_hash: Option<String>,
    /// Login shell on hosts.
    pub shell: String,
    /// Home directory on hosts.
    pub home_directory: String,
    /// Numeric id on hosts.
    pub uid: i64,
    /// Staff privileges.
    pub is_staff: bool,
    /// All privileges.
    pub is_superuser: bool,
}

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

/// The identity queries of a workspace.
pub struct Identity<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// People and credentials.
    #[must_use]
    pub fn identity(self) -> Identity<'a, C> {
        Identity(self)
    }
}

impl<C: ConnectionTrait> Identity<'_, C> {
    /// A user by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn user(&self, id: UserId) -> Result<Option<user::Model>, StoreError> {
        Ok(user::Entity::find_by_id(id.0)
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Users by id, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users_by_id(
        &self,
        ids: impl IntoIterator<Item = uuid::Uuid>,
    ) -> Result<Vec<user::Model>, StoreError> {
        Ok(user::Entity::find()
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(user::Column::Id.is_in(ids))
            .all(self.0.connection)
            .await?)
    }

    /// A user by exact account name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn user_by_name(&self, username: &str) -> Result<Option<user::Model>, StoreError> {
        Ok(user::Entity::find()
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(user::Column::Username.eq(username))
            .one(self.0.connection)
            .await?)
    }

    /// Users, optionally only the one called `username`: superusers, then staff,
    /// then active ones, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users(
        &self,
        username: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<user::Model>, u64), StoreError> {
        use user::Column;
        let mut query = user::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::IsSuperuser)
            .order_by_desc(Column::IsStaff)
            .order_by_desc(Column::IsActive)
            .order_by_asc(Column::Username)
            .order_by_asc(Column::Id);
        if let Some(username) = username {
            query = query.filter(Column::Username.eq(username));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Active superusers other than `except`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_other_superusers(&self, except: UserId) -> Result<u64, StoreError> {
        use user::Column;
        Ok(user::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::IsSuperuser.eq(true))
            .filter(Column::IsActive.eq(true))
            .filter(Column::Id.ne(except.0))
            .count(self.0.connection)
            .await?)
    }

    /// Creates a user.
    ///
    /// # Errors
    /// When the name is taken or the database not writable.
    pub async fn create_user(&self, new: NewUser) -> Result<user::Model, StoreError> {
        Ok(user::ActiveModel {
            id: Set(UserId::new().0),
            workspace_id: Set(self.0.workspace.0),
            username: Set(new.username),
            email: Set(new.email),
            first_name: Set(String::new()),
            last_name: Set(String::new()),
            phone: Set(String::new()),
            tags: Set(String::new()),
            description: Set(String::new()),
            shell: Set(new.shell),
            home_directory: Set(new.home_directory),
            uid: Set(new.uid),
            password_hash: Set(new.password_hash),
            is_active: Set(true),
            is_staff: Set(new.is_staff),
            is_superuser: Set(new.is_superuser),
            is_ldap_user: Set(false),
            date_joined: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Memberships of a user, or of a group, or both, with the group's row.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn memberships(
        &self,
        of_user: Option<UserId>,
        of_group: Option<uuid::Uuid>,
    ) -> Result<Vec<(membership::Model, group::Model)>, StoreError> {
        use membership::Column;
        let mut query = membership::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(Column::Id);
        if let Some(user) = of_user {
            query = query.filter(Column::UserId.eq(user.0));
        }
        if let Some(group) = of_group {
            query = query.filter(Column::GroupId.eq(group));
        }
        let rows = query.all(self.0.connection).await?;
        let groups = group::Entity::find()
            .filter(group::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(group::Column::Id.is_in(rows.iter().map(|row| row.group_id)))
            .all(self.0.connection)
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let group = groups
                    .iter()
                    .find(|group| group.id == row.group_id)?
                    .clone();
                Some((row, group))
            })
            .collect())
    }

    /// Groups, optionally only the one called `name`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn groups(
        &self,
        name: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<group::Model>, u64), StoreError> {
        let mut query = group::Entity::find()
            .filter(group::Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(group::Column::Name);
        if let Some(name) = name {
            query = query.filter(group::Column::Name.eq(name));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Those of `ids` that exist, in the order of their ids.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn existing_groups(
        &self,
        ids: impl IntoIterator<Item = GroupId>,
    ) -> Result<Vec<GroupId>, StoreError> {
        let rows = group::Entity::find()
            .filter(group::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(group::Column::Id.is_in(ids.into_iter().map(|id| id.0)))
            .order_by_asc(group::Column::Id)
            .all(self.0.connection)
            .await?;
        Ok(rows.into_iter().map(|row| GroupId(row.id)).collect())
    }

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
}
