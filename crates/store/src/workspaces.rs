//! Workspaces themselves: the only queries that need no tenant.

use protocol::id::WorkspaceId;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, QueryOrder as _, TransactionTrait as _};
use serde_json::Value as Json;

use crate::entity::workspace;
use crate::{Store, StoreError, audit, now};

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

    /// Creates a workspace with its audit chain.
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
        transaction.commit().await?;
        Ok(model)
    }
}
