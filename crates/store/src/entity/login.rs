//! An interactive login that lives on as a session token.

use sea_orm::entity::prelude::*;

/// An interactive login that lives on as a session token.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "logins")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    /// `password`; `browser` once there is one.
    pub method: String,
    /// SHA-256 of the session token, hex.
    #[sea_orm(unique)]
    pub token_hash: String,
    pub remote_ip: String,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
