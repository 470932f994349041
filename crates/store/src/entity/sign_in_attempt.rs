//! A sign-in in a browser that still lacks a factor.

use sea_orm::entity::prelude::*;

/// A sign-in in a browser that still lacks a factor.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_attempts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    /// SHA-256 of the browser's cookie, hex.
    #[sea_orm(unique)]
    pub token_hash: String,
    /// The first factor: `password`, …
    pub method: String,
    /// Object: name of each factor that was proved → when (RFC 3339).
    pub factors: Json,
    /// Local path to go to when done.
    pub next: String,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
