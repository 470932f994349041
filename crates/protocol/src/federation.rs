//! Sign-in with identity providers (OpenID Connect). An addition of ours.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{FederatedIdentityId, ProviderId, UserId};

/// An identity provider, a row of `/api/auth/identity-providers/`. Its client secret is
/// never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct IdentityProvider {
    /// Id.
    pub id: ProviderId,
    /// In addresses; unique in the workspace, stays.
    pub slug: String,
    /// On the button of the sign-in page.
    pub name: String,
    /// Claim `iss`, stays.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Whether it has a client secret.
    pub has_secret: bool,
    /// What the provider must send people back to.
    pub redirect_uri: String,
    /// Asked for, besides `openid`.
    pub scopes: Vec<String>,
    /// Mail domains whose verified addresses link and provision.
    pub email_domains: Vec<String>,
    /// A known user with the same verified address is linked.
    pub link_by_email: bool,
    /// Unknown people get an account.
    pub provision: bool,
    /// Names of groups that a new account joins.
    pub default_groups: Vec<String>,
    /// Claim that lists groups; empty: none.
    pub group_claim: String,
    /// Value of the group claim to the name of a group here.
    pub group_map: BTreeMap<String, String>,
    /// Values of `amr` or `acr` that count as a second factor.
    pub mfa_values: Vec<String>,
    /// Offered.
    pub enabled: bool,
    /// Last change.
    pub updated_at: Option<DateTime<Utc>>,
}

/// `POST /api/auth/identity-providers/`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateIdentityProvider {
    /// Lower-case letters, digits and `-`; at most 32.
    pub slug: String,
    /// On the button; empty: the slug.
    pub name: String,
    /// Claim `iss`: an `https://` address, exactly as the provider writes it.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Empty: a public client, which PKCE alone protects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_secret: String,
    /// Asked for, besides `openid`.
    pub scopes: Vec<String>,
    /// Mail domains whose verified addresses link and provision.
    pub email_domains: Vec<String>,
    /// A known user with the same verified address is linked.
    pub link_by_email: bool,
    /// Unknown people get an account.
    pub provision: bool,
    /// Names of groups that a new account joins.
    pub default_groups: Vec<String>,
    /// Claim that lists groups; empty: none.
    pub group_claim: String,
    /// Value of the group claim to the name of a group here.
    pub group_map: BTreeMap<String, String>,
    /// Values of `amr` or `acr` that count as a second factor.
    pub mfa_values: Vec<String>,
}

impl Default for CreateIdentityProvider {
    fn default() -> Self {
        Self {
            slug: String::new(),
            name: String::new(),
            issuer: String::new(),
            client_id: String::new(),
            client_secret: String::new(),
            scopes: vec!["email".to_owned(), "profile".to_owned()],
            email_domains: Vec::new(),
            link_by_email: false,
            provision: false,
            default_groups: Vec::new(),
            group_claim: String::new(),
            group_map: BTreeMap::new(),
            mfa_values: Vec::new(),
        }
    }
}

/// Without the secret.
impl fmt::Debug for CreateIdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateIdentityProvider")
            .field("slug", &self.slug)
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// A person as a provider knows them, a row of
/// `/api/auth/identity-providers/{id}/identities/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct FederatedIdentity {
    /// Id.
    pub id: FederatedIdentityId,
    /// Claim `sub`.
    pub subject: String,
    /// Who they are here.
    pub user: UserId,
    /// Mail address as the provider last told it.
    pub email: String,
    /// `null`: never signed in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// What linked them: `superuser`, `email`, `provision`. Only the first counts for staff
    /// and superusers.
    pub rule: String,
}

/// `POST /api/auth/identity-providers/{id}/identities/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct LinkIdentity {
    /// Claim `sub`, exactly.
    pub subject: String,
    /// Who they are here.
    pub user: UserId,
}
