//! An entry of a workspace's audit chain. Its hash covers every other column.

use sea_orm::entity::prelude::*;

/// An entry of a workspace's audit chain. Its hash covers every other column.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_records")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// From 1, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub id: Uuid,
    pub time: ChronoDateTimeUtc,
    /// `user`, `application`, `agent`, `system` or `anonymous`.
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub actor_name: String,
    pub ip: String,
    pub app: String,
    pub model: String,
    pub object_id: Option<Uuid>,
    pub action: String,
    pub status_code: i64,
    pub description: String,
    /// JSON text with what else matters, as written.
    pub data: String,
    /// Hex.
    pub previous_hash: String,
    /// Hex.
    pub hash: String,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
