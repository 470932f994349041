//! Leave for others to join a terminal.

use sea_orm::entity::prelude::*;

/// Leave for others to join a terminal.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "websh_shares")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub session_id: Uuid,
    pub created_by: Option<Uuid>,
    pub read_only: bool,
    pub password_hash: String,
    /// Wrong passwords until nobody may join any more.
    pub attempts_left: i64,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
