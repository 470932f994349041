//! A command that was approved together with others.

use sea_orm::entity::prelude::*;

/// A command that was approved together with others.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "plan_items")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub request_id: Uuid,
    /// SHA-256 of exactly what may run, hex.
    pub content_hash: String,
    /// When it ran; none: not yet.
    pub used_at: Option<ChronoDateTimeUtc>,
    pub command_id: Option<Uuid>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
