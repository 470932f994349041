//! System information of servers, as their agents synchronise it.

use std::collections::BTreeMap;

use protocol::id::ServerId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::entity::{inventory_hash, inventory_row};
use crate::{StoreError, Tenant};

/// Rows written with one statement.
const BATCH: usize = 500;

/// The inventory queries of one server.
pub struct Inventory<'a, C> {
    tenant: Tenant<'a, C>,
    server: ServerId,
}

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// System information of a server.
    #[must_use]
    pub fn inventory(self, server: ServerId) -> Inventory<'a, C> {
        Inventory {
            tenant: self,
            server,
        }
    }

    /// The single objects of one category of several servers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn inventory_of(
        &self,
        servers: impl IntoIterator<Item = Uuid>,
        categories: &[&str],
    ) -> Result<Vec<inventory_row::Model>, StoreError> {
        use inventory_row::Column;
        Ok(inventory_row::Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::ServerId.is_in(servers))
            .filter(Column::Category.is_in(categories.iter().copied()))
            .all(self.connection)
            .await?)
    }

    /// Whether any server reports an account of this name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_host_account(&self, username: &str) -> Result<bool, StoreError> {
        use inventory_row::Column;
        let row = inventory_row::Entity::find()
            .filter(Column::WorkspaceId.eq(self.workspace.0))
            .filter(Column::Category.eq("users"))
            .filter(Column::RowKey.eq(username))
            .one(self.connection)
            .await?;
        Ok(row.is_some())
    }
}

impl<C: ConnectionTrait> Inventory<'_, C> {
    /// The objects of a category.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn rows(&self, category: &str) -> Result<Vec<inventory_row::Model>, StoreError> {
        use inventory_row::Column;
        Ok(inventory_row::Entity::find()
            .filter(Column::WorkspaceId.eq(self.tenant.workspace.0))
            .filter(Column::ServerId.eq(self.server.0))
            .filter(Column::Category.eq(category))
            .order_by_asc(Column::RowKey)
            .all(self.tenant.connection)
            .await?)
    }

    /// One object of a category by what identifies it there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(
        &self,
        category: &str,
        row_key: &str,
    ) -> Result<Option<inventory_row::Model>, StoreError> {
        use inventory_row::Column;
        Ok(inventory_row::Entity::find()
            .filter(Column::WorkspaceId.eq(self.tenant.workspace.0))
            .filter(Column::ServerId.eq(self.server.0))
            .filter(Column::Category.eq(category))
            .filter(Column::RowKey.eq(row_key))
            .one(self.tenant.connection)
            .await?)
    }

    /// Creates objects, or replaces those with the same key.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn put(
        &self,
        category: &str,
        objects: impl IntoIterator<Item = (String, Json)>,
    ) -> Result<(), StoreError> {
        use inventory_row::Column;
        let conflict = OnConflict::columns([Column::ServerId, Column::Category, Column::RowKey])
            .update_column(Column::Data)
            .to_owned();
        // One statement may not touch a row twice: of equal keys the last one stands.
        let latest: BTreeMap<String, Json> = objects.into_iter().collect();
        let mut rows = latest
            .into_iter()
            .map(|(row_key, data)| inventory_row::ActiveModel {
                id: Set(Uuid::now_v7()),
                workspace_id: Set(self.tenant.workspace.0),
                server_id: Set(self.server.0),
                category: Set(category.to_owned()),
                row_key: Set(row_key),
                data: Set(data),
            });
        loop {
            let batch: Vec<_> = rows.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(());
            }
            inventory_row::Entity::insert_many(batch)
                .on_conflict(conflict.clone())
                .exec_without_returning(self.tenant.connection)
                .await?;
        }
    }

    /// Replaces the whole category.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn replace(
        &self,
        category: &str,
        objects: impl IntoIterator<Item = (String, Json)>,
    ) -> Result<(), StoreError> {
        use inventory_row::Column;
        inventory_row::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.tenant.workspace.0))
            .filter(Column::ServerId.eq(self.server.0))
            .filter(Column::Category.eq(category))
            .exec(self.tenant.connection)
            .await?;
        self.put(category, objects).await
    }

    /// Replaces one object. Says whether there was one.
    ///
    /// # Errors
    /// When another object has the new key or the database is not writable.
    pub async fn update(
        &self,
        category: &str,
        id: Uuid,
        row_key: String,
        data: Json,
    ) -> Result<bool, StoreError> {
        use inventory_row::Column;
        Ok(inventory_row::Entity::update_many()
            .set(inventory_row::ActiveModel {
                row_key: Set(row_key),
                data: Set(data),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.tenant.workspace.0))
            .filter(Column::ServerId.eq(self.server.0))
            .filter(Column::Category.eq(category))
            .filter(Column::Id.eq(id))
            .exec(self.tenant.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Deletes one object; an unknown one is no error.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, category: &str, id: Uuid) -> Result<(), StoreError> {
        use inventory_row::Column;
        inventory_row::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.tenant.workspace.0))
            .filter(Column::ServerId.eq(self.server.0))
            .filter(Column::Category.eq(category))
            .filter(Column::Id.eq(id))
            .exec(self.tenant.connection)
            .await?;
        Ok(())
    }

    /// The fingerprints stored with the last writes.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn hashes(&self) -> Result<Vec<inventory_hash::Model>, StoreError> {
        Ok(inventory_hash::Entity::find()
            .filter(inventory_hash::Column::WorkspaceId.eq(self.tenant.workspace.0))
            .filter(inventory_hash::Column::ServerId.eq(self.server.0))
            .all(self.tenant.connection)
            .await?)
    }

    /// Stores the fingerprint of a category.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn set_hash(&self, category: &str, hash: &str) -> Result<(), StoreError> {
        use inventory_hash::Column;
        inventory_hash::Entity::insert(inventory_hash::ActiveModel {
            server_id: Set(self.server.0),
            category: Set(category.to_owned()),
            workspace_id: Set(self.tenant.workspace.0),
            hash: Set(hash.to_owned()),
        })
        .on_conflict(
            OnConflict::columns([Column::ServerId, Column::Category])
                .update_column(Column::Hash)
                .to_owned(),
        )
        .exec_without_returning(self.tenant.connection)
        .await?;
        Ok(())
    }

    /// Forgets the fingerprint of a category, so that the agent sends it again.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn clear_hash(&self, category: &str) -> Result<(), StoreError> {
        inventory_hash::Entity::delete_many()
            .filter(inventory_hash::Column::WorkspaceId.eq(self.tenant.workspace.0))
            .filter(inventory_hash::Column::ServerId.eq(self.server.0))
            .filter(inventory_hash::Column::Category.eq(category))
            .exec(self.tenant.connection)
            .await?;
        Ok(())
    }
}
