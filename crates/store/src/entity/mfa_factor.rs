//! A second factor of a user: an authenticator app or a passkey.

use sea_orm::entity::prelude::*;

/// A second factor of a user: an authenticator app or a passkey.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mfa_factors")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    /// `totp` or `webauthn`.
    pub kind: String,
    /// As its owner calls it.
    pub name: String,
    /// The host name that a passkey works for; empty for an authenticator app.
    pub rp_id: String,
    /// A passkey's credential id, base64url.
    pub credential_id: Option<String>,
    /// An authenticator app's seed, sealed.
    pub secret: Option<Vec<u8>>,
    /// A passkey's public key and counter.
    pub credential: Option<Json>,
    /// The last time step an authenticator app's code was taken of: none before it
    /// or of it is taken again.
    pub last_step: i64,
    pub added_at: ChronoDateTimeUtc,
    pub used_at: Option<ChronoDateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
