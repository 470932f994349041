//! A piece of output as it was before it was masked.

use sea_orm::entity::prelude::*;

/// A piece of output as it was before it was masked.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "masked_originals")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub command_id: Uuid,
    /// Number of the piece; -1: the result.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub workspace_id: Uuid,
    pub sealed: Vec<u8>,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
