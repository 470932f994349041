//! Users.

use std::collections::HashMap;

use protocol::id::UserId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::Identity;
use crate::entity::{membership, user};
use crate::paging::{self, Paging};
use crate::{StoreError, now};

/// A user to be created, who may log in. The empty text stands for what is not known.
#[derive(Clone, Default)]
pub struct NewUser {
    /// System account name.
    pub username: String,
    /// Mail address.
    pub email: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Phone number.
    pub phone: String,
    /// Free tags.
    pub tags: String,
    /// Free text.
    pub description: String,
    /// Argon2id in PHC form.
    pub password_hash: Option<String>,
    /// Login shell on hosts.
    pub shell: String,
    /// Home directory on hosts.
    pub home_directory: String,
    /// Numeric id on hosts; None: the next free one.
    pub uid: Option<i64>,
    /// Staff privileges.
    pub is_staff: bool,
    /// All privileges.
    pub is_superuser: bool,
    /// Managed by a directory.
    pub is_ldap_user: bool,
}

/// What changes in a user; None: it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserChange {
    /// System account name.
    pub username: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Free tags.
    pub tags: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Login shell on hosts.
    pub shell: Option<String>,
    /// Home directory on hosts.
    pub home_directory: Option<String>,
    /// Numeric id on hosts.
    pub uid: Option<i64>,
    /// May log in.
    pub is_active: Option<bool>,
    /// Staff privileges.
    pub is_staff: Option<bool>,
    /// All privileges.
    pub is_superuser: Option<bool>,
}

/// What a list of users may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Exact account name.
    pub username: Option<String>,
    /// May log in.
    pub is_active: Option<bool>,
    /// Staff privileges.
    pub is_staff: Option<bool>,
    /// All privileges.
    pub is_superuser: Option<bool>,
    /// Managed by a directory.
    pub is_ldap_user: Option<bool>,
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

    /// Users: superusers, then staff, then active ones, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users(
        &self,
        filter: &UserFilter,
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
        if let Some(username) = &filter.username {
            query = query.filter(Column::Username.eq(username.as_str()));
        }
        for (column, wanted) in [
            (Column::IsActive, filter.is_active),
            (Column::IsStaff, filter.is_staff),
            (Column::IsSuperuser, filter.is_superuser),
            (Column::IsLdapUser, filter.is_ldap_user),
        ] {
            if let Some(wanted) = wanted {
                query = query.filter(column.eq(wanted));
            }
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

    /// Active superusers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn superusers(&self) -> Result<Vec<user::Model>, StoreError> {
        use user::Column;
        Ok(user::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::IsSuperuser.eq(true))
            .filter(Column::IsActive.eq(true))
            .all(self.0.connection)
            .await?)
    }

    /// Creates a user, a member of the built-in group from the start.
    ///
    /// # Errors
    /// When the name is taken or the database not writable.
    pub async fn create_user(&self, new: NewUser) -> Result<user::Model, StoreError> {
        let uid = match new.uid {
            Some(uid) => uid,
            None => self.next_uid().await?,
        };
        let row = user::ActiveModel {
            id: Set(UserId::new().0),
            workspace_id: Set(self.0.workspace.0),
            username: Set(new.username),
            email: Set(new.email),
            first_name: Set(new.first_name),
            last_name: Set(new.last_name),
            phone: Set(new.phone),
            tags: Set(new.tags),
            description: Set(new.description),
            shell: Set(new.shell),
            home_directory: Set(new.home_directory),
            uid: Set(uid),
            password_hash: Set(new.password_hash),
            is_active: Set(true),
            is_staff: Set(new.is_staff),
            is_superuser: Set(new.is_superuser),
            is_ldap_user: Set(new.is_ldap_user),
            date_joined: Set(now()),
            must_change_password: Set(false),
            password_changed_at: Set(None),
        }
        .insert(self.0.connection)
        .await?;
        self.join_everyone(UserId(row.id)).await?;
        Ok(row)
    }

    async fn next_uid(&self) -> Result<i64, StoreError> {
        let highest = user::Entity::find()
            .select_only()
            .column_as(user::Column::Uid.max(), "highest")
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(user::Column::Uid.lt(super::MAX_NUMBER))
            .into_tuple::<Option<i64>>()
            .one(self.0.connection)
            .await?;
        Ok(super::next_number(highest.flatten()))
    }

    /// Changes a user.
    ///
    /// # Errors
    /// When the name is taken, the user is gone or the database not writable.
    pub async fn change_user(
        &self,
        row: user::Model,
        change: UserChange,
    ) -> Result<user::Model, StoreError> {
        let mut active = row.into_active_model();
        for (field, value) in [
            (&mut active.username, change.username),
            (&mut active.email, change.email),
            (&mut active.first_name, change.first_name),
            (&mut active.last_name, change.last_name),
            (&mut active.phone, change.phone),
            (&mut active.tags, change.tags),
            (&mut active.description, change.description),
            (&mut active.shell, change.shell),
            (&mut active.home_directory, change.home_directory),
        ] {
            if let Some(value) = value {
                *field = Set(value);
            }
        }
        for (field, value) in [
            (&mut active.is_active, change.is_active),
            (&mut active.is_staff, change.is_staff),
            (&mut active.is_superuser, change.is_superuser),
        ] {
            if let Some(value) = value {
                *field = Set(value);
            }
        }
        if let Some(uid) = change.uid {
            active.uid = Set(uid);
        }
        Ok(active.update(self.0.connection).await?)
    }

    /// Gives a user who has none a system account name. False: they have one.
    ///
    /// # Errors
    /// When the name is taken or the database not writable.
    pub async fn set_username(&self, id: UserId, username: &str) -> Result<bool, StoreError> {
        use user::Column;
        Ok(user::Entity::update_many()
            .col_expr(Column::Username, Expr::value(username))
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::Username.eq(""))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Deletes a user with their logins, tokens, marks and memberships; what they
    /// did stays on record. Says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_user(&self, id: UserId) -> Result<bool, StoreError> {
        Ok(user::Entity::delete_many()
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(user::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// How many groups each of these users is in; those in none are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn group_counts(
        &self,
        users: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, u64>, StoreError> {
        use membership::Column;
        let rows = membership::Entity::find()
            .select_only()
            .column(Column::UserId)
            .column_as(Column::Id.count(), "groups")
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::UserId.is_in(users))
            .group_by(Column::UserId)
            .into_tuple::<(Uuid, i64)>()
            .all(self.0.connection)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(user, count)| (user, count.unsigned_abs()))
            .collect())
    }
}
