//! A path that a token may transfer.

use sea_orm::entity::prelude::*;

/// A path that a token may transfer.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "file_acls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub token_id: Uuid,
    /// Glob over a path.
    pub path: String,
    /// `upload`, `download` or `*`.
    pub action: String,
    pub username: String,
    pub groupname: String,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
