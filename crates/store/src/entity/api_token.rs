//! An API token, personal or of an application.

use sea_orm::entity::prelude::*;

/// An API token, personal or of an application.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    /// The owner of a personal token.
    pub user_id: Option<Uuid>,
    /// The application of a service token.
    pub application_id: Option<Uuid>,
    pub name: String,
    /// SHA-256 of the key, hex.
    #[sea_orm(unique)]
    pub key_hash: String,
    /// Array of `resource:action`.
    pub scopes: Json,
    pub enabled: bool,
    pub expires_at: Option<ChronoDateTimeUtc>,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    /// To the minute.
    pub last_used_at: Option<ChronoDateTimeUtc>,
    /// The service token it was made from for a job of a CI provider.
    pub issued_from: Option<Uuid>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
