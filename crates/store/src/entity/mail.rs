//! A mail on its way, or what became of it.

use sea_orm::entity::prelude::*;

/// A mail on its way, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// What it is about, for example `invitation`.
    pub kind: String,
    pub recipient: String,
    /// Subject and text; gone once it is sent or given up.
    pub sealed: Option<Vec<u8>>,
    pub attempts: i64,
    /// Also until when one node holds it.
    pub next_attempt_at: ChronoDateTimeUtc,
    /// Given up after this.
    pub expires_at: ChronoDateTimeUtc,
    pub added_at: ChronoDateTimeUtc,
    pub ended_at: Option<ChronoDateTimeUtc>,
    /// `waiting`, `sent` or `failed`.
    pub state: String,
    pub last_error: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
