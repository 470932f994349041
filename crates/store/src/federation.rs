//! Identity providers, the people they vouch for, and sign-ins that are away there.

use chrono::{DateTime, Utc};
use protocol::id::{FederatedIdentityId, ProviderId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
};
use serde_json::Value;

use crate::entity::{federated_identity, federated_login, identity_provider};
use crate::paging::{self, Paging};
use crate::{StoreError, Tenant, now};

/// The queries about federation of a workspace.
pub struct Federation<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Identity providers and whom they vouch for.
    #[must_use]
    pub fn federation(self) -> Federation<'a, C> {
        Federation(self)
    }
}

/// What an identity provider is set to, except its address and state.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderSettings {
    /// On the button.
    pub name: String,
    /// Claim `iss`.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// None: a public client.
    pub sealed_secret: Option<Vec<u8>>,
    /// Array of scopes.
    pub scopes: Value,
    /// Array of domains.
    pub email_domains: Value,
    /// Verified addresses link.
    pub link_by_email: bool,
    /// Unknown people get an account.
    pub provision: bool,
    /// Array of group names.
    pub default_groups: Value,
    /// Claim that lists groups.
    pub group_claim: String,
    /// Value to group name.
    pub group_map: Value,
    /// Array of `amr` and `acr` values.
    pub mfa_values: Value,
    /// Offered.
    pub enabled: bool,
}

/// What links a person at a provider to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRule {
    /// A superuser said so.
    Superuser,
    /// The same verified address.
    Email,
    /// The account was made for the person.
    Provision,
}

impl LinkRule {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superuser => "superuser",
            Self::Email => "email",
            Self::Provision => "provision",
        }
    }
}

/// A sign-in that leaves for a provider.
#[derive(Clone, Debug)]
pub struct NewFederatedLogin {
    /// SHA-256 of the state, hex.
    pub state_hash: String,
    /// Where it goes.
    pub provider: ProviderId,
    /// The browser that left.
    pub browser: String,
    /// Nonce and PKCE verifier.
    pub sealed: Vec<u8>,
    /// Local path to go on to.
    pub next: String,
    /// When it is given up.
    pub expires_at: DateTime<Utc>,
}

impl<C: ConnectionTrait> Federation<'_, C> {
    /// Creates a provider.
    ///
    /// # Errors
    /// When the slug is taken or the database is not writable.
    pub async fn create_provider(
        &self,
        slug: &str,
        settings: ProviderSettings,
    ) -> Result<identity_provider::Model, StoreError> {
        let time = now();
        let mut row = identity_provider::ActiveModel {
            id: Set(ProviderId::new().0),
            workspace_id: Set(self.0.workspace.0),
            slug: Set(slug.to_owned()),
            added_at: Set(time),
            ..Default::default()
        };
        apply(&mut row, settings);
        Ok(row.insert(self.0.connection).await?)
    }

    /// Changes a provider.
    ///
    /// # Errors
    /// When it is gone or the database is not writable.
    pub async fn change_provider(
        &self,
        row: identity_provider::Model,
        settings: ProviderSettings,
    ) -> Result<identity_provider::Model, StoreError> {
        let mut row = row.into_active_model();
        apply(&mut row, settings);
        Ok(row.update(self.0.connection).await?)
    }

    /// A provider.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn provider(
        &self,
        id: ProviderId,
    ) -> Result<Option<identity_provider::Model>, StoreError> {
        Ok(identity_provider::Entity::find_by_id(id.0)
            .filter(identity_provider::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// A provider by its slug.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn provider_by_slug(
        &self,
        slug: &str,
    ) -> Result<Option<identity_provider::Model>, StoreError> {
        Ok(identity_provider::Entity::find()
            .filter(identity_provider::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(identity_provider::Column::Slug.eq(slug))
            .one(self.0.connection)
            .await?)
    }

    /// Providers by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn providers(
        &self,
        slug: Option<&str>,
        page: Paging,
    ) -> Result<(Vec<identity_provider::Model>, u64), StoreError> {
        use identity_provider::Column;
        let mut query = identity_provider::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_asc(Column::Name)
            .order_by_asc(Column::Id);
        if let Some(slug) = slug {
            query = query.filter(Column::Slug.eq(slug));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// Deletes a provider with all links to it; an unknown one is no error.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_provider(&self, id: ProviderId) -> Result<(), StoreError> {
        identity_provider::Entity::delete_many()
            .filter(identity_provider::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(identity_provider::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// The link of a person that a provider names by `subject`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn identity_of(
        &self,
        provider: ProviderId,
        subject: &str,
    ) -> Result<Option<federated_identity::Model>, StoreError> {
        use federated_identity::Column;
        Ok(federated_identity::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ProviderId.eq(provider.0))
            .filter(Column::Subject.eq(subject))
            .one(self.0.connection)
            .await?)
    }

    /// Links a person at a provider to a user.
    ///
    /// # Errors
    /// When the person is linked already or the database is not writable.
    pub async fn link(
        &self,
        provider: ProviderId,
        subject: &str,
        user: UserId,
        email: &str,
        rule: LinkRule,
    ) -> Result<federated_identity::Model, StoreError> {
        Ok(federated_identity::ActiveModel {
            id: Set(FederatedIdentityId::new().0),
            workspace_id: Set(self.0.workspace.0),
            provider_id: Set(provider.0),
            subject: Set(subject.to_owned()),
            user_id: Set(user.0),
            email: Set(email.to_owned()),
            added_at: Set(now()),
            last_login_at: Set(None),
            rule: Set(rule.as_str().to_owned()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Makes a link that of a superuser.
    ///
    /// # Errors
    /// When the link is gone or the database is not writable.
    pub async fn confirm(
        &self,
        row: federated_identity::Model,
    ) -> Result<federated_identity::Model, StoreError> {
        let mut active = row.into_active_model();
        active.rule = Set(LinkRule::Superuser.as_str().to_owned());
        Ok(active.update(self.0.connection).await?)
    }

    /// Notes a sign-in of a linked person.
    ///
    /// # Errors
    /// When the link is gone or the database is not writable.
    pub async fn note_login(
        &self,
        row: federated_identity::Model,
        email: &str,
    ) -> Result<(), StoreError> {
        let mut active = row.into_active_model();
        active.email = Set(email.to_owned());
        active.last_login_at = Set(Some(now()));
        active.update(self.0.connection).await?;
        Ok(())
    }

    /// A link.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn identity(
        &self,
        id: FederatedIdentityId,
    ) -> Result<Option<federated_identity::Model>, StoreError> {
        Ok(federated_identity::Entity::find_by_id(id.0)
            .filter(federated_identity::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// The links to a provider, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn identities(
        &self,
        provider: ProviderId,
        page: Paging,
    ) -> Result<(Vec<federated_identity::Model>, u64), StoreError> {
        use federated_identity::Column;
        let query = federated_identity::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::ProviderId.eq(provider.0))
            .order_by_asc(Column::Id);
        paging::fetch(query, self.0.connection, page).await
    }

    /// Removes a link; an unknown one is no error.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn unlink(&self, id: FederatedIdentityId) -> Result<(), StoreError> {
        federated_identity::Entity::delete_many()
            .filter(federated_identity::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(federated_identity::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }

    /// Notes that a browser leaves for a provider.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn depart(&self, new: NewFederatedLogin) -> Result<(), StoreError> {
        federated_login::ActiveModel {
            state_hash: Set(new.state_hash),
            workspace_id: Set(self.0.workspace.0),
            provider_id: Set(new.provider.0),
            browser: Set(new.browser),
            sealed: Set(new.sealed),
            next: Set(new.next),
            expires_at: Set(new.expires_at),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// The departure with this state.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn departure(
        &self,
        state_hash: &str,
    ) -> Result<Option<federated_login::Model>, StoreError> {
        Ok(federated_login::Entity::find_by_id(state_hash.to_owned())
            .filter(federated_login::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Uses a departure up. False: somebody else did.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn arrive(&self, state_hash: &str) -> Result<bool, StoreError> {
        Ok(federated_login::Entity::delete_many()
            .filter(federated_login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(federated_login::Column::StateHash.eq(state_hash))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }

    /// Forgets departures that expired before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn forget_departures(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(federated_login::Entity::delete_many()
            .filter(federated_login::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(federated_login::Column::ExpiresAt.lt(time))
            .exec(self.0.connection)
            .await?
            .rows_affected)
    }
}

fn apply(row: &mut identity_provider::ActiveModel, settings: ProviderSettings) {
    row.name = Set(settings.name);
    row.issuer = Set(settings.issuer);
    row.client_id = Set(settings.client_id);
    row.sealed_secret = Set(settings.sealed_secret);
    row.scopes = Set(settings.scopes);
    row.email_domains = Set(settings.email_domains);
    row.link_by_email = Set(settings.link_by_email);
    row.provision = Set(settings.provision);
    row.default_groups = Set(settings.default_groups);
    row.group_claim = Set(settings.group_claim);
    row.group_map = Set(settings.group_map);
    row.mfa_values = Set(settings.mfa_values);
    row.enabled = Set(settings.enabled);
    row.updated_at = Set(now());
}
