//! What the control plane remembers of a challenge until a browser answers it.

use sea_orm::entity::prelude::*;

/// What the control plane remembers of a challenge until a browser answers it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mfa_challenges")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// Hash of the browser's cookie, hex.
    pub binding: String,
    /// What the answer is for.
    pub purpose: String,
    /// Sealed.
    pub state: Option<Vec<u8>>,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
