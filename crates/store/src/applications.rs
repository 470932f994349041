//! Applications and their service tokens.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use protocol::id::{ApplicationId, TokenId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, LockType, SimpleExpr};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use uuid::Uuid;

use crate::entity::{api_token, application};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// The queries about applications of a workspace.
pub struct Applications<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Applications and service tokens.
    #[must_use]
    pub fn applications(self) -> Applications<'a, C> {
        Applications(self)
    }
}

/// An application to be created.
#[derive(Clone, Debug, Default)]
pub struct NewApplication {
    /// Unique.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What kind of program it is.
    pub service_type: String,
    /// Account on hosts; may be empty.
    pub username: String,
    /// Who creates it.
    pub created_by: Option<UserId>,
}

/// What changes in an application; None: it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationChange {
    /// Unique.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// What kind of program it is.
    pub service_type: Option<String>,
    /// Account on hosts.
    pub username: Option<String>,
    /// False: locked.
    pub is_active: Option<bool>,
}

/// A service token to be created.
#[derive(Clone, Debug)]
pub struct NewServiceToken {
    /// Owner.
    pub application: ApplicationId,
    /// Unique per application.
    pub name: String,
    /// SHA-256 of the key, hex.
    pub key_hash: String,
    /// `resource:action`.
    pub scopes: Vec<String>,
    /// None: never.
    pub expires_at: Option<DateTime<Utc>>,
    /// The token it is made from for a job of a CI provider.
    pub issued_from: Option<TokenId>,
}

/// What changes in a service token; None: it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenChange {
    /// Unique per owner.
    pub name: Option<String>,
    /// Usable.
    pub enabled: Option<bool>,
    /// `resource:action`.
    pub scopes: Option<Vec<String>>,
    /// End; `Some(None)`: never.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

impl<C: ConnectionTrait> Applications<'_, C> {
    /// Creates an application.
    ///
    /// # Errors
    /// When the name is taken or the database is not writable.
    pub async fn create(&self, new: NewApplication) -> Result<application::Model, StoreError> {
        let time = now();
        Ok(application::ActiveModel {
            id: Set(ApplicationId::new().0),
            workspace_id: Set(self.0.workspace.0),
            name: Set(new.name),
            description: Set(new.description),
            service_type: Set(new.service_type),
            username: Set(new.username),
            is_active: Set(true),
            created_by: Set(new.created_by.map(|id| id.0)),
            added_at: Set(time),
            updated_at: Set(time),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// An application.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: ApplicationId) -> Result<Option<application::Model>, StoreError> {
        Ok(application::Entity::find_by_id(id.0)
            .filter(application::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Applications by id, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_all(
        &self,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<application::Model>, StoreError> {
        Ok(application::Entity::find()
            .filter(application::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(application::Column::Id.is_in(ids))
            .all(self.0.connection)
            .await?)
    }

    /// Applications by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        name: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<application::Model>, u64), StoreError> {
        use application::Column;
        let mut query = application::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(Column::Name);
        if let Some(name) = name {
            query = query.filter(Column::Name.eq(name));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Changes an application.
    ///
    /// # Errors
    /// When the name is taken, it is gone or the database is not writable.
    pub async fn change(
        &self,
        row: application::Model,
        change: ApplicationChange,
    ) -> Result<application::Model, StoreError> {
        let mut active = row.into_active_model();
        for (field, value) in [
            (&mut active.name, change.name),
            (&mut active.description, change.description),
            (&mut active.service_type, change.service_type),
            (&mut active.username, change.username),
        ] {
            if let Some(value) = value {
                *field = Set(value);
            }
        }
        if let Some(is_active) = change.is_active {
            active.is_active = Set(is_active);
        }
        active.updated_at = Set(now());
        Ok(active.update(self.0.connection).await?)
    }

    /// Deletes an application with its tokens, their rules and what trusts them.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, id: ApplicationId) -> Result<(), StoreError> {
        api_token::Entity::delete_many()
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::ApplicationId.eq(id.0))
            .exec(self.0.connection)
            .await?;
        application::Entity::delete_many()
            .filter(application::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(application::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Creates a service token.
    ///
    /// # Errors
    /// When the application has one of that name or the database is not writable.
    pub async fn create_token(&self, new: NewServiceToken) -> Result<api_token::Model, StoreError> {
        let time = now();
        Ok(api_token::ActiveModel {
            id: Set(TokenId::new().0),
            workspace_id: Set(self.0.workspace.0),
            user_id: Set(None),
            application_id: Set(Some(new.application.0)),
            name: Set(new.name),
            key_hash: Set(new.key_hash),
            scopes: Set(serde_json::Value::from(new.scopes)),
            enabled: Set(true),
            expires_at: Set(new.expires_at),
            added_at: Set(time),
            updated_at: Set(time),
            last_used_at: Set(None),
            issued_from: Set(new.issued_from.map(|id| id.0)),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// A service token.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token(&self, id: TokenId) -> Result<Option<api_token::Model>, StoreError> {
        Ok(self.service_token(id).one(self.0.connection).await?)
    }

    /// The same as it is now, held so until the unit ends: whoever ends what was issued
    /// from it waits for what is issued here, and then ends it too.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn hold_token(&self, id: TokenId) -> Result<Option<api_token::Model>, StoreError> {
        let query = self.service_token(id).lock(LockType::Share);
        Ok(query.one(self.0.connection).await?)
    }

    fn service_token(&self, id: TokenId) -> Select<api_token::Entity> {
        api_token::Entity::find_by_id(id.0)
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::ApplicationId.is_not_null())
    }

    /// Service tokens by id, in no order.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find_tokens(
        &self,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<api_token::Model>, StoreError> {
        Ok(api_token::Entity::find()
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::ApplicationId.is_not_null())
            .filter(api_token::Column::Id.is_in(ids))
            .all(self.0.connection)
            .await?)
    }

    /// Service tokens that people made, of one application or of all, by name. With
    /// `issued_from`: those issued to jobs from that one, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tokens(
        &self,
        application: Option<ApplicationId>,
        name: Option<&str>,
        issued_from: Option<TokenId>,
        page: Paging,
    ) -> Result<(Vec<api_token::Model>, u64), StoreError> {
        use api_token::Column;
        let mut query = api_token::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ApplicationId.is_not_null());
        query = match issued_from {
            Some(id) => query
                .filter(Column::IssuedFrom.eq(id.0))
                .order_by_desc(Column::Id),
            None => query
                .filter(Column::IssuedFrom.is_null())
                .order_by_asc(Column::Name)
                .order_by_asc(Column::Id),
        };
        if let Some(application) = application {
            query = query.filter(Column::ApplicationId.eq(application.0));
        }
        if let Some(name) = name {
            query = query.filter(Column::Name.eq(name));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Changes a token, of an application or personal.
    ///
    /// # Errors
    /// When the name is taken, it is gone or the database is not writable.
    pub async fn change_token(
        &self,
        row: api_token::Model,
        change: TokenChange,
    ) -> Result<api_token::Model, StoreError> {
        let mut active = row.into_active_model();
        if let Some(name) = change.name {
            active.name = Set(name);
        }
        if let Some(enabled) = change.enabled {
            active.enabled = Set(enabled);
        }
        if let Some(scopes) = change.scopes {
            active.scopes = Set(serde_json::Value::from(scopes));
        }
        if let Some(expires_at) = change.expires_at {
            active.expires_at = Set(expires_at);
        }
        active.updated_at = Set(now());
        Ok(active.update(self.0.connection).await?)
    }

    /// Deletes a service token and what was issued from it, which it gives.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_token(&self, id: TokenId) -> Result<Vec<TokenId>, StoreError> {
        let issued = self.delete_issued(id).await?;
        api_token::Entity::delete_many()
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::ApplicationId.is_not_null())
            .filter(api_token::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(issued)
    }

    /// Deletes the tokens that were issued from this one, and gives their ids. Those that
    /// are being issued are waited for, see [`Self::hold_token`].
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_issued(&self, from: TokenId) -> Result<Vec<TokenId>, StoreError> {
        let query = self.service_token(from).lock(LockType::NoKeyUpdate);
        query.one(self.0.connection).await?;
        let is_issued = api_token::Column::IssuedFrom.eq(from.0);
        let issued = self.ids_where(is_issued.clone()).await?;
        api_token::Entity::delete_many()
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(is_issued)
            .exec(self.0.connection)
            .await?;
        Ok(issued)
    }

    /// Forgets issued tokens that expired before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_expired_issued(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(api_token::Entity::delete_many()
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::IssuedFrom.is_not_null())
            .filter(api_token::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }

    /// Notes that a token, personal or of an application, was used.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn note_use(&self, token: TokenId, time: DateTime<Utc>) -> Result<(), StoreError> {
        api_token::Entity::update_many()
            .col_expr(api_token::Column::LastUsedAt, Expr::value(time))
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(api_token::Column::Id.eq(token.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Ids of all tokens of an application.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token_ids(&self, application: ApplicationId) -> Result<Vec<TokenId>, StoreError> {
        let owned = api_token::Column::ApplicationId.eq(application.0);
        self.ids_where(owned).await
    }

    async fn ids_where(&self, condition: SimpleExpr) -> Result<Vec<TokenId>, StoreError> {
        let ids = api_token::Entity::find()
            .select_only()
            .column(api_token::Column::Id)
            .filter(api_token::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(condition)
            .into_tuple::<Uuid>()
            .all(self.0.connection)
            .await?;
        Ok(ids.into_iter().map(TokenId).collect())
    }

    /// Which of these tokens still stand: there, enabled, their application not locked;
    /// and when each ends.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn standing_tokens(
        &self,
        tokens: impl IntoIterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, Option<DateTime<Utc>>>, StoreError> {
        use api_token::Column;
        let rows = api_token::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Enabled.eq(true))
            .filter(Column::Id.is_in(tokens))
            .all(self.0.connection)
            .await?;
        let owners: HashSet<Uuid> = rows.iter().filter_map(|row| row.application_id).collect();
        let active: HashSet<Uuid> = match owners.is_empty() {
            true => HashSet::new(),
            false => self
                .find_all(owners)
                .await?
                .into_iter()
                .filter(|row| row.is_active)
                .map(|row| row.id)
                .collect(),
        };
        Ok(rows
            .into_iter()
            .filter(|row| {
                row.application_id
                    .is_none_or(|owner| active.contains(&owner))
            })
            .map(|row| (row.id, row.expires_at))
            .collect())
    }
}
