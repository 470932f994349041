//! A program that a command started, or was kept from starting.

use sea_orm::entity::prelude::*;

/// A program that a command started, or was kept from starting.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "exec_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub command_id: Uuid,
    /// Its number in the command's tree.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub workspace_id: Uuid,
    pub work_session_id: Option<Uuid>,
    /// When it was judged, by the host's clock.
    pub time: ChronoDateTimeUtc,
    pub pid: i64,
    pub ppid: i64,
    pub uid: i64,
    pub exe: String,
    pub sha256: Option<String>,
    /// Array of text.
    pub argv: Json,
    pub cwd: String,
    /// `allow`, `deny`, `hold`.
    pub verdict: String,
    pub rule: Option<String>,
    pub reason: Option<String>,
    pub ended_at: Option<ChronoDateTimeUtc>,
    pub exit_code: Option<i64>,
    pub signal: Option<i64>,
    /// Who answered where it was held.
    pub answered_by: Option<Uuid>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
