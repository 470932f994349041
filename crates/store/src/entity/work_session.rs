//! A work session.

use sea_orm::entity::prelude::*;

/// A work session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "work_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub title: String,
    pub description: String,
    pub status: String,
    /// Why a pending session waits in vain.
    pub status_detail: Option<String>,
    /// `user` or `agent`.
    pub requester_type: String,
    /// Array of strings.
    pub scopes: Json,
    /// Array of server ids.
    pub servers: Json,
    /// Array of `protocol::work_session::SudoPolicy`.
    pub sudo_policies: Json,
    /// `work_sessions::Rules`.
    pub rules: Json,
    pub created_by: Option<Uuid>,
    pub assigned_user: Option<Uuid>,
    pub approval_request_id: Option<Uuid>,
    /// What the reviewer changed: `protocol::work_session::Adjustments`.
    pub adjustments: Option<Json>,
    pub starts_at: Option<ChronoDateTimeUtc>,
    pub expires_at: ChronoDateTimeUtc,
    pub started_at: Option<ChronoDateTimeUtc>,
    pub completed_at: Option<ChronoDateTimeUtc>,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

impl Model {
    /// Active by its state and by the clock: the state follows the clock by up to a
    /// second.
    #[must_use]
    pub fn is_active(&self, time: ChronoDateTimeUtc) -> bool {
        self.status == protocol::work_session::Status::Active.as_str() && self.expires_at > time
    }

    #[must_use]
    pub fn holds_scope(&self, scope: &str) -> bool {
        lists(&self.scopes, scope)
    }

    #[must_use]
    pub fn includes_server(&self, server: Uuid) -> bool {
        lists(&self.servers, &server.to_string())
    }
}

/// What is no list holds nothing.
fn lists(list: &Json, wanted: &str) -> bool {
    let items = list.as_array();
    items.is_some_and(|items| items.iter().any(|item| item.as_str() == Some(wanted)))
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
