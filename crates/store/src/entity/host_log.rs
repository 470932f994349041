//! A log record of a host.

use sea_orm::entity::prelude::*;

/// A log record of a host.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "host_logs")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: Uuid,
    pub server_id: Uuid,
    pub added_at: ChronoDateTimeUtc,
    pub date: Option<ChronoDateTimeUtc>,
    pub program: String,
    pub level: i64,
    pub path: String,
    pub lineno: i64,
    pub pid: i64,
    pub msg: String,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
