//! Guardrails: what a workspace never lets happen.

use protocol::id::{GuardrailId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
};

use crate::entity::{guardrail, guardrail_version};
use crate::paging::{self, Paging};
use crate::{Store, StoreError, Tenant, now};

/// A guardrail's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardrailContent {
    /// Unique in the workspace.
    pub name: String,
    /// For people.
    pub description: String,
    /// Cedar.
    pub policy: String,
    /// Whether it is in force.
    pub enabled: bool,
}

/// The guardrails of a workspace.
pub struct Guardrails<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Guardrails.
    #[must_use]
    pub fn guardrails(self) -> Guardrails<'a, C> {
        Guardrails(self)
    }
}

impl Store {
    /// Every guardrail in force, by name, for the memory of a node.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all_guardrails(&self) -> Result<Vec<guardrail::Model>, StoreError> {
        Ok(guardrail::Entity::find()
            .filter(guardrail::Column::Enabled.eq(true))
            .order_by_asc(guardrail::Column::WorkspaceId)
            .order_by_asc(guardrail::Column::Name)
            .all(self.read())
            .await?)
    }
}

impl<C: ConnectionTrait> Guardrails<'_, C> {
    /// Guardrails by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&self, page: Paging) -> Result<(Vec<guardrail::Model>, u64), StoreError> {
        let query = guardrail::Entity::find()
            .filter(guardrail::Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(guardrail::Column::Name);
        paging::fetch(query, self.0.connection, page).await
    }

    /// How many there are.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count(&self) -> Result<u64, StoreError> {
        Ok(guardrail::Entity::find()
            .filter(guardrail::Column::WorkspaceId.eq(self.0.workspace.0))
            .count(self.0.connection)
            .await?)
    }

    /// A guardrail by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: GuardrailId) -> Result<Option<guardrail::Model>, StoreError> {
        Ok(guardrail::Entity::find_by_id(id.0)
            .filter(guardrail::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Creates a guardrail and its first version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken, or the database is not writable.
    pub async fn create(
        &self,
        content: GuardrailContent,
        by: Option<UserId>,
    ) -> Result<guardrail::Model, StoreError> {
        let time = now();
        let row = guardrail::ActiveModel {
            id: Set(GuardrailId::new().0),
            workspace_id: Set(self.0.workspace.0),
            name: Set(content.name),
            description: Set(content.description),
            policy: Set(content.policy),
            enabled: Set(content.enabled),
            version: Set(1),
            changed_by: Set(by.map(|id| id.0)),
            added_at: Set(time),
            updated_at: Set(time),
        }
        .insert(self.0.connection)
        .await?;
        self.keep(&row).await?;
        Ok(row)
    }

    /// Changes a guardrail that is as `known`, and keeps the new version. None: somebody
    /// else changed it meanwhile, or it is gone.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken, or the database is not writable.
    pub async fn change(
        &self,
        known: &guardrail::Model,
        content: GuardrailContent,
        by: Option<UserId>,
    ) -> Result<Option<guardrail::Model>, StoreError> {
        use guardrail::Column;
        let row = guardrail::Model {
            name: content.name,
            description: content.description,
            policy: content.policy,
            enabled: content.enabled,
            version: known.version.saturating_add(1),
            changed_by: by.map(|id| id.0),
            updated_at: now(),
            ..known.clone()
        };
        let changed = guardrail::ActiveModel {
            name: Set(row.name.clone()),
            description: Set(row.description.clone()),
            policy: Set(row.policy.clone()),
            enabled: Set(row.enabled),
            version: Set(row.version),
            changed_by: Set(row.changed_by),
            updated_at: Set(row.updated_at),
            ..Default::default()
        };
        let updated = guardrail::Entity::update_many()
            .set(changed)
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(known.id))
            .filter(Column::Version.eq(known.version))
            .exec(self.0.connection)
            .await?
            .rows_affected;
        if updated == 0 {
            return Ok(None);
        }
        self.keep(&row).await?;
        Ok(Some(row))
    }

    async fn keep(&self, row: &guardrail::Model) -> Result<(), StoreError> {
        guardrail_version::ActiveModel {
            id: Set(GuardrailId::new().0),
            workspace_id: Set(self.0.workspace.0),
            guardrail_id: Set(row.id),
            version: Set(row.version),
            name: Set(row.name.clone()),
            policy: Set(row.policy.clone()),
            enabled: Set(row.enabled),
            changed_by: Set(row.changed_by),
            added_at: Set(row.updated_at),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// The versions of a guardrail, newest first; of a deleted one too.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn versions(
        &self,
        id: GuardrailId,
        page: Paging,
    ) -> Result<(Vec<guardrail_version::Model>, u64), StoreError> {
        use guardrail_version::Column;
        let query = guardrail_version::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::GuardrailId.eq(id.0))
            .order_by_desc(Column::Version);
        paging::fetch(query, self.0.connection, page).await
    }

    /// Deletes a guardrail; its versions stay.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, id: GuardrailId) -> Result<(), StoreError> {
        guardrail::Entity::delete_many()
            .filter(guardrail::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(guardrail::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }
}
