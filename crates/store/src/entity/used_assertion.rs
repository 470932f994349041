//! A foreign token that was exchanged, until it expires.

use sea_orm::entity::prelude::*;

/// A foreign token that was exchanged, until it expires.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "used_assertions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// SHA-256 of issuer and token id, hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
