//! Trust in CI providers: rules, and which foreign tokens were used up.

use chrono::{DateTime, Utc};
use protocol::id::{ApplicationId, TokenId, TrustRuleId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde_json::Value;

use crate::entity::{trust_rule, used_assertion};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// Rules of one issuer that are looked at.
const MAX_PER_ISSUER: u64 = 200;

/// The queries about trust of a workspace.
pub struct Trust<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Trust in CI providers.
    #[must_use]
    pub fn trust(self) -> Trust<'a, C> {
        Trust(self)
    }
}

/// A trust rule to be created.
#[derive(Clone, Debug)]
pub struct NewTrustRule {
    /// Whose token it gives.
    pub application: ApplicationId,
    /// The token that issued ones are like.
    pub token: TokenId,
    /// Unique.
    pub name: String,
    /// Claim `iss`.
    pub issuer: String,
    /// In the claim `aud`.
    pub audience: String,
    /// Claim to patterns.
    pub conditions: Value,
    /// Seconds.
    pub ttl: i64,
}

/// What changes in a trust rule; None: it stays.
#[derive(Clone, Debug, Default)]
pub struct TrustRuleChange {
    /// Unique.
    pub name: Option<String>,
    /// In the claim `aud`.
    pub audience: Option<String>,
    /// Claim to patterns.
    pub conditions: Option<Value>,
    /// Seconds.
    pub ttl: Option<i64>,
    /// In force.
    pub enabled: Option<bool>,
}

impl<C: ConnectionTrait> Trust<'_, C> {
    /// Creates a rule.
    ///
    /// # Errors
    /// When the name is taken or the database is not writable.
    pub async fn create(&self, new: NewTrustRule) -> Result<trust_rule::Model, StoreError> {
        let time = now();
        Ok(trust_rule::ActiveModel {
            id: Set(TrustRuleId::new().0),
            workspace_id: Set(self.0.workspace.0),
            application_id: Set(new.application.0),
            token_id: Set(new.token.0),
            name: Set(new.name),
            issuer: Set(new.issuer),
            audience: Set(new.audience),
            conditions: Set(new.conditions),
            ttl: Set(new.ttl),
            enabled: Set(true),
            added_at: Set(time),
            updated_at: Set(time),
            last_used_at: Set(None),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// A rule.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: TrustRuleId) -> Result<Option<trust_rule::Model>, StoreError> {
        Ok(trust_rule::Entity::find_by_id(id.0)
            .filter(trust_rule::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Rules by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        name: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<trust_rule::Model>, u64), StoreError> {
        use trust_rule::Column;
        let mut query = trust_rule::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(Column::Name);
        if let Some(name) = name {
            query = query.filter(Column::Name.eq(name));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Rules in force for an issuer, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn in_force(&self, issuer: &str) -> Result<Vec<trust_rule::Model>, StoreError> {
        use trust_rule::Column;
        Ok(trust_rule::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Issuer.eq(issuer))
            .filter(Column::Enabled.eq(true))
            .order_by_asc(Column::Name)
            .limit(MAX_PER_ISSUER)
            .all(self.0.connection)
            .await?)
    }

    /// Changes a rule.
    ///
    /// # Errors
    /// When the name is taken, it is gone or the database is not writable.
    pub async fn change(
        &self,
        row: trust_rule::Model,
        change: TrustRuleChange,
    ) -> Result<trust_rule::Model, StoreError> {
        let mut active = row.into_active_model();
        if let Some(name) = change.name {
            active.name = Set(name);
        }
        if let Some(audience) = change.audience {
            active.audience = Set(audience);
        }
        if let Some(conditions) = change.conditions {
            active.conditions = Set(conditions);
        }
        if let Some(ttl) = change.ttl {
            active.ttl = Set(ttl);
        }
        if let Some(enabled) = change.enabled {
            active.enabled = Set(enabled);
        }
        active.updated_at = Set(now());
        Ok(active.update(self.0.connection).await?)
    }

    /// Deletes a rule; an unknown one is no error.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, id: TrustRuleId) -> Result<(), StoreError> {
        trust_rule::Entity::delete_many()
            .filter(trust_rule::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(trust_rule::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Notes that a rule gave a token.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn note_use(&self, id: TrustRuleId) -> Result<(), StoreError> {
        trust_rule::Entity::update_many()
            .col_expr(trust_rule::Column::LastUsedAt, Expr::value(now()))
            .filter(trust_rule::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(trust_rule::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Uses up a foreign token, by its hash.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it was used before.
    pub async fn use_up(&self, hash: &str, expires_at: DateTime<Utc>) -> Result<(), StoreError> {
        used_assertion::ActiveModel {
            workspace_id: Set(self.0.workspace.0),
            hash: Set(hash.to_owned()),
            expires_at: Set(expires_at),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// Forgets foreign tokens that expired before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn forget_used(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(used_assertion::Entity::delete_many()
            .filter(used_assertion::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(used_assertion::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }
}
