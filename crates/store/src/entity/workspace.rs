//! A workspace, the tenant of every other row.

use sea_orm::entity::prelude::*;

/// A workspace, the tenant of every other row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Stable name, also the OAuth organisation.
    #[sea_orm(unique)]
    pub name: String,
    /// Host name that selects it; empty for the only workspace of a server.
    pub host: String,
    pub settings: Json,
    pub added_at: ChronoDateTimeUtc,
    /// The operator lets it be served.
    pub is_enabled: bool,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
