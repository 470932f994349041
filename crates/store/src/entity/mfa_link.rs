//! The address at which a user proves presence for another login, once.

use sea_orm::entity::prelude::*;

/// The address at which a user proves presence for another login, once.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mfa_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// The login that presence is proved for.
    pub login_id: Uuid,
    /// SHA-256 of the token in the address, hex.
    #[sea_orm(unique)]
    pub token_hash: String,
    /// The server that the login wants to work on.
    pub server_id: Option<Uuid>,
    /// Where the login asked from.
    pub remote_ip: String,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
