//! A connection through a tunnel.

use sea_orm::entity::prelude::*;

/// A connection through a tunnel.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tunnel_connections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub tunnel_id: Uuid,
    /// The port it asked for.
    pub port: i64,
    /// Local port of the program that connected, as the client says.
    pub source_port: Option<i64>,
    pub opened_at: ChronoDateTimeUtc,
    /// None: still open.
    pub closed_at: Option<ChronoDateTimeUtc>,
    /// Towards the target.
    pub bytes_sent: i64,
    /// From the target.
    pub bytes_received: i64,
    /// `open`, `closed`, `reset`, `refused`.
    pub outcome: String,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
