//! Groups and memberships (`rest-identity.md` §17.3–§17.4).

use std::collections::HashSet;

use protocol::id::{GroupId, MembershipId, ServerId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use super::Identity;
use crate::entity::{group, membership, server, server_group, user};
use crate::paging::{self, Paging};
use crate::{StoreError, now};

/// The built-in group that every user is in.
pub const EVERYONE: &str = "alpacon";
/// Rows of one insertion.
const BATCH: usize = 200;

/// A group to be created.
#[derive(Clone, Debug, Default)]
pub struct NewGroup {
    /// Unique, and stays.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// Free text.
    pub description: String,
    /// Free tags.
    pub tags: String,
    /// Managed by a directory.
    pub is_ldap_group: bool,
}

/// What changes in a group; None: it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// For people.
    pub display_name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// Free tags.
    pub tags: Option<String>,
}

impl<C: ConnectionTrait> Identity<'_, C> {
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
            .order_by_asc(group::Column::Name)
            .order_by_asc(group::Column::Id);
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

    /// A group by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn group(&self, id: GroupId) -> Result<Option<group::Model>, StoreError> {
        Ok(group::Entity::find_by_id(id.0)
            .filter(group::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// A group by its exact name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn group_by_name(&self, name: &str) -> Result<Option<group::Model>, StoreError> {
        Ok(group::Entity::find()
            .filter(group::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(group::Column::Name.eq(name))
            .one(self.0.connection)
            .await?)
    }

    /// Creates a group; it gets the next free `gid`.
    ///
    /// # Errors
    /// When the name is taken or the database not writable.
    pub async fn create_group(&self, new: NewGroup) -> Result<group::Model, StoreError> {
        let highest = group::Entity::find()
            .select_only()
            .column_as(group::Column::Gid.max(), "highest")
            .filter(group::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(group::Column::Gid.lt(super::MAX_NUMBER))
            .into_tuple::<Option<i64>>()
            .one(self.0.connection)
            .await?;
        let time = now();
        Ok(group::ActiveModel {
            id: Set(GroupId::new().0),
            workspace_id: Set(self.0.workspace.0),
            name: Set(new.name),
            display_name: Set(new.display_name),
            description: Set(new.description),
            tags: Set(new.tags),
            gid: Set(super::next_number(highest.flatten())),
            is_ldap_group: Set(new.is_ldap_group),
            added_at: Set(time),
            updated_at: Set(time),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Changes a group.
    ///
    /// # Errors
    /// When it is gone or the database not writable.
    pub async fn change_group(
        &self,
        row: group::Model,
        change: GroupChange,
    ) -> Result<group::Model, StoreError> {
        let mut active = row.into_active_model();
        if let Some(display_name) = change.display_name {
            active.display_name = Set(display_name);
        }
        if let Some(description) = change.description {
            active.description = Set(description);
        }
        if let Some(tags) = change.tags {
            active.tags = Set(tags);
        }
        active.updated_at = Set(now());
        Ok(active.update(self.0.connection).await?)
    }

    /// Deletes a group with its memberships; its servers stay.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_group(&self, id: GroupId) -> Result<(), StoreError> {
        group::Entity::delete_many()
            .filter(group::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(group::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// The servers of these groups.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn servers_of_groups(
        &self,
        groups: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<server_group::Model>, StoreError> {
        use server_group::Column;
        Ok(server_group::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::GroupId.is_in(groups))
            .order_by_asc(Column::ServerId)
            .all(self.0.connection)
            .await?)
    }

    /// Gives a group servers that it has not and takes others from it.
    ///
    /// # Errors
    /// When a server does not exist, the group has one to be added already, or the
    /// database is not writable.
    pub async fn change_group_servers(
        &self,
        group: GroupId,
        added: &[ServerId],
        removed: &[ServerId],
    ) -> Result<(), StoreError> {
        use server_group::Column;
        if !removed.is_empty() {
            server_group::Entity::delete_many()
                .filter(Column::WorkspaceId.eq(self.0.workspace.0))
                .filter(Column::GroupId.eq(group.0))
                .filter(Column::ServerId.is_in(removed.iter().map(|id| id.0)))
                .exec(self.0.connection)
                .await?;
        }
        for servers in added.chunks(BATCH) {
            let rows = servers.iter().map(|server| server_group::ActiveModel {
                server_id: Set(server.0),
                group_id: Set(group.0),
                workspace_id: Set(self.0.workspace.0),
            });
            server_group::Entity::insert_many(rows)
                .exec_without_returning(self.0.connection)
                .await?;
        }
        Ok(())
    }

    /// The memberships of these groups, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn members_of_groups(
        &self,
        groups: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<membership::Model>, StoreError> {
        use membership::Column;
        Ok(membership::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::GroupId.is_in(groups))
            .order_by_asc(Column::Id)
            .all(self.0.connection)
            .await?)
    }

    /// A membership by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn membership(
        &self,
        id: MembershipId,
    ) -> Result<Option<membership::Model>, StoreError> {
        Ok(membership::Entity::find_by_id(id.0)
            .filter(membership::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// The membership of a user in a group.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn membership_of(
        &self,
        group: GroupId,
        user: UserId,
    ) -> Result<Option<membership::Model>, StoreError> {
        use membership::Column;
        Ok(membership::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::GroupId.eq(group.0))
            .filter(Column::UserId.eq(user.0))
            .one(self.0.connection)
            .await?)
    }

    /// Makes a user a member.
    ///
    /// # Errors
    /// When they are one already or the database is not writable.
    pub async fn add_membership(
        &self,
        group: GroupId,
        user: UserId,
        role: &str,
    ) -> Result<membership::Model, StoreError> {
        Ok(membership::ActiveModel {
            id: Set(MembershipId::new().0),
            workspace_id: Set(self.0.workspace.0),
            group_id: Set(group.0),
            user_id: Set(user.0),
            role: Set(role.to_owned()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Ends a membership.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_membership(&self, id: MembershipId) -> Result<(), StoreError> {
        membership::Entity::delete_many()
            .filter(membership::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(membership::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Sees to it that the built-in group exists and holds every user. Where it is
    /// new, it also gets the servers that no group has. Says whether it is new.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn ensure_everyone(&self) -> Result<bool, StoreError> {
        let found = self.group_by_name(EVERYONE).await?;
        let is_new = found.is_none();
        let group = match found {
            Some(group) => group,
            None => {
                let group = self.create_everyone().await?;
                self.adopt_servers(GroupId(group.id)).await?;
                group
            }
        };
        let group = GroupId(group.id);
        let members: HashSet<Uuid> = self
            .members_of_groups([group.0])
            .await?
            .into_iter()
            .map(|row| row.user_id)
            .collect();
        let users = user::Entity::find()
            .select_only()
            .column(user::Column::Id)
            .filter(user::Column::WorkspaceId.eq(self.0.workspace.0))
            .into_tuple::<Uuid>()
            .all(self.0.connection)
            .await?;
        for id in users.into_iter().filter(|id| !members.contains(id)) {
            self.add_membership(group, UserId(id), "member").await?;
        }
        Ok(is_new)
    }

    async fn create_everyone(&self) -> Result<group::Model, StoreError> {
        self.create_group(NewGroup {
            name: EVERYONE.to_owned(),
            display_name: "Alpacon users".to_owned(),
            description: "Holds everyone; servers that registered into no other group.".to_owned(),
            ..NewGroup::default()
        })
        .await
    }

    async fn adopt_servers(&self, group: GroupId) -> Result<(), StoreError> {
        let held: HashSet<Uuid> = server_group::Entity::find()
            .filter(server_group::Column::WorkspaceId.eq(self.0.workspace.0))
            .all(self.0.connection)
            .await?
            .into_iter()
            .map(|row| row.server_id)
            .collect();
        let servers = server::Entity::find()
            .select_only()
            .column(server::Column::Id)
            .filter(server::Column::WorkspaceId.eq(self.0.workspace.0))
            .into_tuple::<Uuid>()
            .all(self.0.connection)
            .await?;
        let free: Vec<ServerId> = servers
            .into_iter()
            .filter(|id| !held.contains(id))
            .map(ServerId)
            .collect();
        self.change_group_servers(group, &free, &[]).await
    }

    /// Makes a new user a member of the built-in group, where there is one yet.
    pub(super) async fn join_everyone(&self, user: UserId) -> Result<(), StoreError> {
        if let Some(group) = self.group_by_name(EVERYONE).await? {
            self.add_membership(GroupId(group.id), user, "member")
                .await?;
        }
        Ok(())
    }
}
