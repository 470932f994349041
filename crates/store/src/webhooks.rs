//! Webhooks, and who people are in the chats behind them.

use protocol::id::{ChatIdentityId, UserId, WebhookId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};

use crate::entity::{chat_identity, webhook};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// What of a webhook is stored.
#[derive(Clone, Debug)]
pub struct WebhookValues {
    /// Unique in the workspace.
    pub name: String,
    /// `slack`, `discord`, `teams`, `telegram`, `custom`.
    pub provider: String,
    /// URL and secret, sealed.
    pub sealed: Vec<u8>,
    /// Notifications go there.
    pub enabled: bool,
    /// Who answers for it.
    pub owner: Option<UserId>,
}

/// The webhooks of a workspace.
pub struct Webhooks<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Webhooks.
    #[must_use]
    pub fn webhooks(self) -> Webhooks<'a, C> {
        Webhooks(self)
    }
}

impl<C: ConnectionTrait> Webhooks<'_, C> {
    /// Stores a webhook.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken, or the database is not writable.
    pub async fn create(
        &self,
        id: WebhookId,
        values: WebhookValues,
    ) -> Result<webhook::Model, StoreError> {
        let time = now();
        Ok(webhook::ActiveModel {
            id: Set(id.0),
            workspace_id: Set(self.0.workspace.0),
            added_at: Set(time),
            ..active(values, time)
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Replaces what is stored of a webhook.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken, or the database is not writable.
    pub async fn replace(&self, id: WebhookId, values: WebhookValues) -> Result<(), StoreError> {
        webhook::Entity::update_many()
            .set(active(values, now()))
            .filter(webhook::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(webhook::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// A webhook by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: WebhookId) -> Result<Option<webhook::Model>, StoreError> {
        Ok(webhook::Entity::find_by_id(id.0)
            .filter(webhook::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Webhooks by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        name: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<webhook::Model>, u64), StoreError> {
        use webhook::Column;
        let mut query = webhook::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(Column::Name);
        if let Some(name) = name {
            query = query.filter(Column::Name.eq(name));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Those that notifications go to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn enabled(&self) -> Result<Vec<webhook::Model>, StoreError> {
        Ok(webhook::Entity::find()
            .filter(webhook::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(webhook::Column::Enabled.eq(true))
            .all(self.0.connection)
            .await?)
    }

    /// Removes a webhook with what is on its way to it. Says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, id: WebhookId) -> Result<bool, StoreError> {
        Ok(webhook::Entity::delete_many()
            .filter(webhook::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(webhook::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Says who a user is in the chat behind a webhook.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody is that already, or the database is not
    /// writable.
    pub async fn add_identity(
        &self,
        webhook: WebhookId,
        external_id: &str,
        user: UserId,
    ) -> Result<chat_identity::Model, StoreError> {
        Ok(chat_identity::ActiveModel {
            id: Set(ChatIdentityId::new().0),
            workspace_id: Set(self.0.workspace.0),
            webhook_id: Set(webhook.0),
            external_id: Set(external_id.to_owned()),
            user_id: Set(user.0),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Who of the workspace somebody in the chat is.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn identity(
        &self,
        webhook: WebhookId,
        external_id: &str,
    ) -> Result<Option<chat_identity::Model>, StoreError> {
        use chat_identity::Column;
        Ok(chat_identity::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::WebhookId.eq(webhook.0))
            .filter(Column::ExternalId.eq(external_id))
            .one(self.0.connection)
            .await?)
    }

    /// Everybody who is known in the chat behind a webhook.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn identities(
        &self,
        webhook: WebhookId,
        page: Paging,
    ) -> Result<(Vec<chat_identity::Model>, u64), StoreError> {
        use chat_identity::Column;
        let query = chat_identity::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::WebhookId.eq(webhook.0))
            .order_by_asc(Column::ExternalId);
        paging::fetch(query, self.0.connection, page).await
    }

    /// Forgets who somebody is. Says whether anybody was.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_identity(
        &self,
        webhook: WebhookId,
        id: ChatIdentityId,
    ) -> Result<bool, StoreError> {
        use chat_identity::Column;
        Ok(chat_identity::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::WebhookId.eq(webhook.0))
            .filter(Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }
}

fn active(values: WebhookValues, time: chrono::DateTime<chrono::Utc>) -> webhook::ActiveModel {
    webhook::ActiveModel {
        name: Set(values.name),
        provider: Set(values.provider),
        sealed: Set(Some(values.sealed)),
        enabled: Set(values.enabled),
        owner_id: Set(values.owner.map(|id| id.0)),
        updated_at: Set(time),
        ..Default::default()
    }
}
