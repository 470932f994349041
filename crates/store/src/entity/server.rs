//! A managed server.

use sea_orm::entity::prelude::*;

/// A managed server.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "servers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub name: String,
    /// `debian`, `rhel`, `darwin`, `windows`.
    pub platform: String,
    /// SHA-256 of the agent's key, hex.
    pub key_hash: String,
    /// Array of extension names the agent registered with.
    pub extensions: Json,
    /// Object string → string.
    pub tags: Json,
    pub owner_id: Option<Uuid>,
    pub remote_ip: String,
    /// The first commit has arrived.
    pub commissioned: bool,
    /// Holds a backhaul now. Presence of a node that died is cleared at start.
    pub is_connected: bool,
    pub version: String,
    pub pam_version: Option<String>,
    pub sshd_use_pam: Option<String>,
    pub load: f64,
    /// Value the agent drew when its process started.
    pub boot_id: Option<String>,
    pub last_seen_at: Option<ChronoDateTimeUtc>,
    pub added_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
