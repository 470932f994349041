//! An authorization code (RFC 6749 §4.1) with its PKCE challenge.

use sea_orm::entity::prelude::*;

/// An authorization code (RFC 6749 §4.1) with its PKCE challenge.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_codes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    /// SHA-256 of the code, hex.
    #[sea_orm(unique)]
    pub code_hash: String,
    pub client: String,
    pub redirect_uri: String,
    pub scope: String,
    pub nonce: String,
    /// The S256 challenge.
    pub challenge: String,
    pub factors: Json,
    pub remote_ip: String,
    pub user_agent: String,
    /// The login it was exchanged for.
    pub login_id: Option<Uuid>,
    pub used: bool,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
