//! A device authorization request (RFC 8628) and what became of it.

use sea_orm::entity::prelude::*;

/// A device authorization request (RFC 8628) and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_codes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// SHA-256 of the device code, hex.
    #[sea_orm(unique)]
    pub code_hash: String,
    /// What the user compares, without its hyphen.
    pub user_code: String,
    pub client: String,
    pub scope: String,
    pub device: String,
    /// Where the device asked from.
    pub remote_ip: String,
    pub user_agent: String,
    /// `pending`, `approved`, `denied`, `used`.
    pub status: String,
    /// Who approved it.
    pub user_id: Option<Uuid>,
    /// The factors of the browser that approved it.
    pub factors: Json,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
