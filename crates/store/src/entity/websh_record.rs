//! A piece of a recording as text.

use sea_orm::entity::prelude::*;

/// A piece of a recording as text.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "websh_records")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: Uuid,
    pub session_id: Uuid,
    pub work_session_id: Option<Uuid>,
    pub added_at: ChronoDateTimeUtc,
    pub record: String,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
