//! A login on a host that did not come through us.

use sea_orm::entity::prelude::*;

/// A login on a host that did not come through us.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub server_id: Uuid,
    /// The agent's id of the event, stable over its retries.
    #[sea_orm(primary_key, auto_increment = false)]
    pub event_id: Uuid,
    pub workspace_id: Uuid,
    pub username: String,
    pub service: String,
    pub rhost: String,
    pub tty: String,
    pub pid: i64,
    pub ppid: i64,
    pub timestamp: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
