//! A guardrail as it was.

use sea_orm::entity::prelude::*;

/// A guardrail as it was.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "guardrail_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// May be gone.
    pub guardrail_id: Uuid,
    pub version: i64,
    pub name: String,
    pub policy: String,
    pub enabled: bool,
    pub changed_by: Option<Uuid>,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
