//! A person as a provider knows them, and the user they are here.

use sea_orm::entity::prelude::*;

/// A person as a provider knows them, and the user they are here.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "federated_identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub provider_id: Uuid,
    /// The claim `sub`.
    pub subject: String,
    pub user_id: Uuid,
    /// As last told; for people to read, never to look up by.
    pub email: String,
    pub added_at: ChronoDateTimeUtc,
    pub last_login_at: Option<ChronoDateTimeUtc>,
    /// What made the link: a superuser, or a rule of the provider's settings.
    pub rule: String,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
