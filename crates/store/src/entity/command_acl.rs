//! A command that a token may run.

use sea_orm::entity::prelude::*;

/// A command that a token may run.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "command_acls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub token_id: Uuid,
    /// Glob over a simple command.
    pub command: String,
    /// Empty: the owner's account; `*`: any.
    pub username: String,
    /// Empty or `*`: any.
    pub groupname: String,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
