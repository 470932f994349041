//! A program with access of its own: a principal that is nobody.

use sea_orm::entity::prelude::*;

/// A program with access of its own: a principal that is nobody.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "applications")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// Unique in the workspace.
    pub name: String,
    pub description: String,
    /// `ci_cd`, `monitoring`, `automation`, `integration`.
    pub service_type: String,
    /// Account on hosts that it works as where a request names none; may be empty.
    pub username: String,
    /// False: locked.
    pub is_active: bool,
    pub created_by: Option<Uuid>,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
