//! An OpenID Connect provider that people may sign in with.

use sea_orm::entity::prelude::*;

/// An OpenID Connect provider that people may sign in with.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identity_providers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// In addresses; unique in the workspace.
    pub slug: String,
    /// On the button.
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    /// None: a public client, which PKCE alone protects.
    pub sealed_secret: Option<Vec<u8>>,
    /// Array of scopes to ask for.
    pub scopes: Json,
    /// Array of e-mail domains whose verified addresses link and provision.
    pub email_domains: Json,
    /// A known user with the same verified address is linked.
    pub link_by_email: bool,
    /// Unknown people get an account.
    pub provision: bool,
    /// Array of group names that a new account joins.
    pub default_groups: Json,
    /// Claim that lists groups; may be empty.
    pub group_claim: String,
    /// Value of the group claim to a group name.
    pub group_map: Json,
    /// Array of values of `amr` or `acr` that count as a second factor.
    pub mfa_values: Json,
    pub enabled: bool,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
