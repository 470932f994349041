//! Workspaces themselves: finding and making them needs no tenant.

use chrono::{DateTime, Utc};
use protocol::id::WorkspaceId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    TransactionTrait as _,
};
use serde_json::Value as Json;

use crate::entity::{command, server, user, work_session, workspace, workspace_host};
use crate::{Store, StoreError, Tenant, audit, now};

/// What a workspace uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Active users.
    pub users: u64,
    /// Managed servers.
    pub servers: u64,
    /// Commands of people and tools in the time asked for.
    pub commands: u64,
    /// Work sessions asked for in that time.
    pub work_sessions: u64,
}

impl Store {
    /// All workspaces, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspaces(&self) -> Result<Vec<workspace::Model>, StoreError> {
        Ok(workspace::Entity::find()
            .order_by_asc(workspace::Column::AddedAt)
            .all(self.read())
            .await?)
    }

    /// Further host names of all workspaces, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspace_hosts(&self) -> Result<Vec<workspace_host::Model>, StoreError> {
        Ok(workspace_host::Entity::find()
            .order_by_asc(workspace_host::Column::Host)
            .all(self.read())
            .await?)
    }

    /// Creates a workspace with its audit chain and its built-in group.
    ///
    /// # Errors
    /// When the name or host name is taken or the database not writable.
    pub async fn create_workspace(
        &self,
        name: &str,
        host: &str,
        settings: Json,
        key: &chain::SigningKey,
    ) -> Result<workspace::Model, StoreError> {
        let transaction = self.write().begin().await?;
        let id = WorkspaceId::new();
        require_free(&transaction, id, host).await?;
        let model = workspace::ActiveModel {
            id: Set(id.0),
            name: Set(name.to_owned()),
            host: Set(host.to_owned()),
            settings: Set(settings),
            added_at: Set(now()),
            is_enabled: Set(true),
        }
        .insert(&transaction)
        .await?;
        audit::start(&transaction, id, key).await?;
        let tenant = Tenant::new(&transaction, id);
        tenant.identity().ensure_everyone().await?;
        transaction.commit().await?;
        Ok(model)
    }

    /// A workspace by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn workspace_by_name(
        &self,
        name: &str,
    ) -> Result<Option<workspace::Model>, StoreError> {
        Ok(workspace::Entity::find()
            .filter(workspace::Column::Name.eq(name))
            .one(self.read())
            .await?)
    }
}

impl<C: ConnectionTrait> Tenant<'_, C> {
    /// The workspace's settings, locked until the unit ends: whoever changes them
    /// changes what is stored now.
    ///
    /// # Errors
    /// When the workspace is gone or the database cannot be read.
    pub async fn lock_settings(&self) -> Result<Json, StoreError> {
        let row = workspace::Entity::find_by_id(self.workspace.0)
            // Not exclusive: every row of the workspace refers to this one, and those
            // who write one while they hold the audit head must not wait for us.
            .lock(LockType::NoKeyUpdate)
            .one(self.connection)
            .await?;
        row.map(|row| row.settings).ok_or(StoreError::Stale)
    }

    /// Lets the workspace be served, or not.
    ///
    /// # Errors
    /// When the workspace is gone or the database not writable.
    pub async fn set_enabled(&self, is_enabled: bool) -> Result<(), StoreError> {
        workspace::ActiveModel {
            id: Set(self.workspace.0),
            is_enabled: Set(is_enabled),
            ..Default::default()
        }
        .update(self.connection)
        .await?;
        Ok(())
    }

    /// Serves the workspace under another host name.
    ///
    /// # Errors
    /// When another workspace has it, the workspace is gone or the database not writable.
    pub async fn set_host(&self, host: &str) -> Result<(), StoreError> {
        self.remove_host(host).await?;
        require_free(self.connection, self.workspace, host).await?;
        workspace::ActiveModel {
            id: Set(self.workspace.0),
            host: Set(host.to_owned()),
            ..Default::default()
        }
        .update(self.connection)
        .await?;
        Ok(())
    }

    /// Serves the workspace under one more host name. False: it is already.
    ///
    /// # Errors
    /// When another workspace has it or the database is not writable.
    pub async fn add_host(&self, host: &str) -> Result<bool, StoreError> {
        if hosts_of(self.connection, host)
            .await?
            .contains(&self.workspace.0)
        {
            return Ok(false);
        }
        require_free(self.connection, self.workspace, host).await?;
        workspace_host::ActiveModel {
            host: Set(host.to_owned()),
            workspace_id: Set(self.workspace.0),
            added_at: Set(now()),
        }
        .insert(self.connection)
        .await?;
        Ok(true)
    }

    /// Serves the workspace no longer under a further host name. False: it was not one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn remove_host(&self, host: &str) -> Result<bool, StoreError> {
        Ok(workspace_host::Entity::delete_many()
            .filter(workspace_host::Column::WorkspaceId.eq(self.workspace.0))
            .filter(workspace_host::Column::Host.eq(host))
            .exec(self.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// What the workspace uses now.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn usage(&self, since: DateTime<Utc>) -> Result<Usage, StoreError> {
        let id = self.workspace.0;
        let users = user::Entity::find()
            .filter(user::Column::WorkspaceId.eq(id))
            .filter(user::Column::IsActive.eq(true))
            .count(self.connection)
            .await?;
        let servers = server::Entity::find()
            .filter(server::Column::WorkspaceId.eq(id))
            .count(self.connection)
            .await?;
        let commands = command::Entity::find()
            .filter(command::Column::WorkspaceId.eq(id))
            .filter(command::Column::Shell.eq(protocol::command::SHELL_SYSTEM))
            .filter(command::Column::AddedAt.gte(since))
            .count(self.connection)
            .await?;
        let work_sessions = work_session::Entity::find()
            .filter(work_session::Column::WorkspaceId.eq(id))
            .filter(work_session::Column::AddedAt.gte(since))
            .count(self.connection)
            .await?;
        Ok(Usage {
            users,
            servers,
            commands,
            work_sessions,
        })
    }

    /// Stores the workspace's settings, all of them.
    ///
    /// # Errors
    /// When the workspace is gone or the database not writable.
    pub async fn store_settings(&self, settings: Json) -> Result<(), StoreError> {
        workspace::ActiveModel {
            id: Set(self.workspace.0),
            settings: Set(settings),
            ..Default::default()
        }
        .update(self.connection)
        .await?;
        Ok(())
    }
}

/// The workspaces that a host name leads to: one at most.
async fn hosts_of(
    connection: &impl ConnectionTrait,
    host: &str,
) -> Result<Vec<uuid::Uuid>, StoreError> {
    let own = workspace::Entity::find()
        .filter(workspace::Column::Host.eq(host))
        .all(connection)
        .await?;
    let further = workspace_host::Entity::find_by_id(host.to_owned())
        .one(connection)
        .await?;
    let own = own.into_iter().map(|row| row.id);
    Ok(own.chain(further.map(|row| row.workspace_id)).collect())
}

/// Refuses a host name that leads to another workspace. None at all is free.
async fn require_free(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    host: &str,
) -> Result<(), StoreError> {
    let is_free = host.is_empty()
        || hosts_of(connection, host)
            .await?
            .iter()
            .all(|id| *id == workspace.0);
    match is_free {
        true => Ok(()),
        false => Err(StoreError::Conflict("workspaces.host".to_owned())),
    }
}
