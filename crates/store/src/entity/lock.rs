//! Something that may not be used for now.

use sea_orm::entity::prelude::*;

/// Something that may not be used for now.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "locks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// `user`, `token`, `work_session`, `server` or `workspace`.
    pub kind: String,
    pub object_id: Uuid,
    /// For people.
    pub reason: String,
    /// The user who locked it; none: the operator.
    pub locked_by: Option<Uuid>,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
