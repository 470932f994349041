//! A code that stands in for a lost factor, once.

use sea_orm::entity::prelude::*;

/// A code that stands in for a lost factor, once.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_codes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    /// SHA-256, hex.
    pub code_hash: String,
    pub added_at: ChronoDateTimeUtc,
    pub used_at: Option<ChronoDateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
