//! Where notifications go.

use sea_orm::entity::prelude::*;

/// Where notifications go.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub name: String,
    /// `slack`, `discord`, `teams`, `telegram`, `custom`.
    pub provider: String,
    /// Its URL and its secret: whoever knows a URL can post to it.
    pub sealed: Option<Vec<u8>>,
    pub enabled: bool,
    pub owner_id: Option<Uuid>,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
