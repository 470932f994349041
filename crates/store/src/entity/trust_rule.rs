//! A rule that lets jobs of a CI provider have a short-lived service token.

use sea_orm::entity::prelude::*;

/// A rule that lets jobs of a CI provider have a short-lived service token.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "trust_rules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub application_id: Uuid,
    /// The service token whose scopes and rules an issued one gets.
    pub token_id: Uuid,
    /// Unique in the workspace.
    pub name: String,
    /// Exactly as in the claim `iss`.
    pub issuer: String,
    /// What the claim `aud` must name.
    pub audience: String,
    /// Claim to a list of patterns, of which one must match.
    pub conditions: Json,
    /// Lifetime of what is issued, seconds.
    pub ttl: i64,
    pub enabled: bool,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    pub last_used_at: Option<ChronoDateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
