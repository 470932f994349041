//! Who a user is in the chat behind a webhook.

use sea_orm::entity::prelude::*;

/// Who a user is in the chat behind a webhook.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_identities")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub webhook_id: Uuid,
    /// `TEAM/USER` in Slack, `TENANT/OBJECT` in Teams.
    pub external_id: String,
    pub user_id: Uuid,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
