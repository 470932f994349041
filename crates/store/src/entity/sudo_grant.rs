//! A decision about sudo inside a session.

use sea_orm::entity::prelude::*;

/// A decision about sudo inside a session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sudo_grants")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub server_id: Uuid,
    /// The plugin's id of the request, stable over retries; unique per server.
    pub request_id: String,
    /// The command in which sudo was called.
    pub command_id: Option<Uuid>,
    pub work_session_id: Option<Uuid>,
    /// Who answers for it.
    pub user_id: Option<Uuid>,
    /// Account that called sudo.
    pub username: String,
    /// Account it would run as; empty where the host does not say.
    pub run_as: String,
    pub command: String,
    /// What decided: `policy`, `scope`, `none`.
    pub grant_type: String,
    pub approved: bool,
    pub error_code: Option<String>,
    pub reason: String,
    pub added_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
