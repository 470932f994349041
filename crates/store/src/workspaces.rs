//! Workspaces themselves: finding and making them needs no tenant.

use protocol::id::WorkspaceId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, QueryOrder as _, QuerySelect as _,
    TransactionTrait as _,
};
use serde_json::Value as Json;

use crate::entity::workspace;
use crate::{Store, StoreError, Tenant, audit, now};

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

    /// Creates a workspace with its audit chain and its built-in group.
    ///
    /// # Errors
    /// When the name is taken or the database not writable.
    pub async fn create_workspace(
        &self,
        name: &str,
        host: &str,
        settings: Json,
        key: &chain::SigningKey,
    ) -> Result<workspace::Model, StoreError> {
        let transaction = self.write().begin().await?;
        let id = WorkspaceId::new();
        let model = workspace::ActiveModel {
            id: Set(id.0),
            name: Set(name.to_owned()),
            host: Set(host.to_owned()),
            settings: Set(settings),
            added_at: Set(now()),
        }
        .insert(&transaction)
        .await?;
        audit::start(&transaction, id, key).await?;
        let tenant = Tenant::new(&transaction, id);
        tenant.identity().ensure_everyone().await?;
        transaction.commit().await?;
        Ok(model)
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
