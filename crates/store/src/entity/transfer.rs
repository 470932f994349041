//! A file transfer.

use sea_orm::entity::prelude::*;

/// A file transfer, and at the same time its line in the transfer log.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "transfers")]
pub struct Model {
    /// Position in the log.
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: Uuid,
    /// How everybody else calls it; also the name of its content in the store.
    pub transfer_id: Uuid,
    pub server_id: Uuid,
    pub requested_by: Option<Uuid>,
    /// The token it was requested with, if one.
    pub token_id: Option<Uuid>,
    pub work_session_id: Option<Uuid>,
    /// The command that carries it out.
    pub command_id: Option<Uuid>,
    /// `upload` or `download`, as the user sees it.
    pub direction: String,
    pub name: String,
    /// Array of paths, as typed.
    pub paths: Json,
    /// Array of paths, as ordered.
    pub ordered_paths: Json,
    /// `file`, `folder`, `bulk`; of an upload, `file`.
    pub resource_type: String,
    pub username: String,
    pub groupname: String,
    pub home_directory: String,
    pub allow_overwrite: bool,
    pub allow_unzip: bool,
    /// Lists of globs that the agent must keep to.
    pub rules: Json,
    pub streaming: bool,
    /// Bytes: announced, then counted.
    pub size: i64,
    pub sha256: Option<String>,
    /// All of the content is in the store.
    pub stored: bool,
    /// The store has nothing of it any more.
    pub removed: bool,
    /// The user has read all of it.
    pub fetched_at: Option<ChronoDateTimeUtc>,
    /// Null while it runs.
    pub success: Option<bool>,
    pub message: String,
    /// Where an upload went, canonical.
    pub final_path: Option<String>,
    pub remote_ip: String,
    pub added_at: ChronoDateTimeUtc,
    pub expires_at: ChronoDateTimeUtc,
    pub finished_at: Option<ChronoDateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
