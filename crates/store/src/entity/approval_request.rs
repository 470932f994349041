//! A request that waits, or waited, for a reviewer.

use sea_orm::entity::prelude::*;

/// A request that waits, or waited, for a reviewer.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "approval_requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// `work_session`, `work_session_mod`, `command`, `sudo`.
    pub request_type: String,
    /// `pending`, `approved`, `rejected`, `cancelled`, `expired`.
    pub status: String,
    /// One line for people.
    pub summary: String,
    /// Why, in the requester's words.
    pub description: String,
    /// Exactly what is approved.
    pub content: Json,
    /// SHA-256 of `content`, hex.
    pub content_hash: String,
    pub requested_by: Option<Uuid>,
    pub server_id: Option<Uuid>,
    pub work_session_id: Option<Uuid>,
    pub command_id: Option<Uuid>,
    /// Approvals it takes.
    pub needed: i64,
    /// Who said the last word.
    pub reviewed_by: Option<Uuid>,
    pub reviewed_at: Option<ChronoDateTimeUtc>,
    /// Of a rejection.
    pub reason: String,
    /// An approval that is spent.
    pub used_at: Option<ChronoDateTimeUtc>,
    pub expires_at: ChronoDateTimeUtc,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
