//! A tunnel to a port of a server.

use sea_orm::entity::prelude::*;

/// A tunnel to a port of a server.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tunnels")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub server_id: Uuid,
    pub requested_by: Option<Uuid>,
    /// The token it was requested with, if one.
    pub token_id: Option<Uuid>,
    pub work_session_id: Option<Uuid>,
    pub username: String,
    pub groupname: String,
    pub client_type: String,
    pub target_port: i64,
    pub remote_ip: String,
    pub connections: i64,
    /// Towards the target.
    pub bytes_sent: i64,
    /// From the target.
    pub bytes_received: i64,
    pub added_at: ChronoDateTimeUtc,
    /// None: still open.
    pub closed_at: Option<ChronoDateTimeUtc>,
    pub close_reason: Option<String>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
