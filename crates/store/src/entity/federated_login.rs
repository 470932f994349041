//! A sign-in that is away at a provider.

use sea_orm::entity::prelude::*;

/// A sign-in that is away at a provider.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "federated_logins")]
pub struct Model {
    /// SHA-256 of the state, hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: String,
    pub workspace_id: Uuid,
    pub provider_id: Uuid,
    /// The browser that started it.
    pub browser: String,
    /// Nonce and PKCE verifier, sealed.
    pub sealed: Vec<u8>,
    /// Local path to go on to.
    pub next: String,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
