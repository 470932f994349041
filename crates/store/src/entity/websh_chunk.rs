//! A finished piece of a recording.

use sea_orm::entity::prelude::*;

/// A finished piece of a recording.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "websh_chunks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub session_id: Uuid,
    /// From 0.
    pub seq: i64,
    /// In bytes.
    pub size: i64,
    /// Bytes that the terminal showed in it.
    pub shown: i64,
    pub sha256: String,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
