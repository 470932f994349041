//! A notification on its way to a webhook, or what became of it.

use sea_orm::entity::prelude::*;

/// A notification on its way to a webhook, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deliveries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub webhook_id: Uuid,
    /// What happened, for example `approval.pending`.
    pub event: String,
    /// The notification; gone once it is sent or given up.
    pub sealed: Option<Vec<u8>>,
    /// `waiting`, `sent` or `failed`.
    pub state: String,
    pub attempts: i64,
    /// Also until when one node holds it.
    pub next_attempt_at: ChronoDateTimeUtc,
    /// Given up after this.
    pub expires_at: ChronoDateTimeUtc,
    pub added_at: ChronoDateTimeUtc,
    pub ended_at: Option<ChronoDateTimeUtc>,
    pub last_error: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
