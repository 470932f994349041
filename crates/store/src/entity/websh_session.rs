//! A session with a terminal.

use sea_orm::entity::prelude::*;

/// A session with a terminal.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "websh_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub server_id: Uuid,
    pub requested_by: Option<Uuid>,
    /// The token it was requested with, if one.
    pub token_id: Option<Uuid>,
    pub work_session_id: Option<Uuid>,
    /// The command that orders the agent to open it.
    pub order_id: Uuid,
    pub username: String,
    pub groupname: String,
    pub rows: i64,
    pub cols: i64,
    pub user_agent: String,
    pub client_type: String,
    pub remote_ip: String,
    /// What the terminal showed.
    pub bytes_out: i64,
    /// What was typed.
    pub bytes_in: i64,
    pub exit_code: Option<i64>,
    /// It ended as it should. None: still open.
    pub success: Option<bool>,
    /// Its recording is kept, whatever its age.
    pub legal_hold: bool,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
    /// None: still open.
    pub closed_at: Option<ChronoDateTimeUtc>,
    pub close_reason: Option<String>,
    /// When its recording was removed because of its age.
    pub purged_at: Option<ChronoDateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
