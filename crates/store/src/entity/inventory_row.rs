//! One object of a server's system information.

use sea_orm::entity::prelude::*;

/// One object of a server's system information.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inventory_rows")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub server_id: Uuid,
    /// `info`, `os`, `users`, ….
    pub category: String,
    /// What identifies the object in its category; empty for single objects.
    pub row_key: String,
    pub data: Json,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
