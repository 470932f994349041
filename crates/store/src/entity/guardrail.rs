//! What a workspace never lets happen.

use sea_orm::entity::prelude::*;

/// What a workspace never lets happen.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "guardrails")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub name: String,
    /// For people.
    pub description: String,
    /// Cedar.
    pub policy: String,
    pub enabled: bool,
    /// Counts changes from 1.
    pub version: i64,
    pub changed_by: Option<Uuid>,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
