//! A command.

use sea_orm::entity::prelude::*;

/// A command.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "commands")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub server_id: Uuid,
    pub requested_by: Option<Uuid>,
    /// The token it was requested with, if one.
    pub token_id: Option<Uuid>,
    pub work_session_id: Option<Uuid>,
    /// `system` or `internal`.
    pub shell: String,
    pub line: String,
    /// Words, where no shell is needed.
    pub argv: Option<Json>,
    /// Environment, sealed; cleared once delivered.
    pub sealed_env: Option<Vec<u8>>,
    /// Arguments of an internal command, JSON text.
    pub data: String,
    pub username: String,
    pub groupname: String,
    pub status: String,
    pub success: Option<bool>,
    pub exit_code: Option<i64>,
    pub error_phase: Option<String>,
    pub result: String,
    pub elapsed_time: f64,
    /// Chunks the agent says it sent.
    pub expected_chunks: Option<i64>,
    /// Characters of output stored.
    pub output_chars: i64,
    /// The rule that allowed it, and what the judge flagged.
    pub verdict: Json,
    /// Array of command ids.
    pub run_after: Json,
    pub scheduled_at: Option<ChronoDateTimeUtc>,
    pub added_at: ChronoDateTimeUtc,
    pub delivered_at: Option<ChronoDateTimeUtc>,
    pub acked_at: Option<ChronoDateTimeUtc>,
    /// The agent's end report is here; the command is final once its output is too.
    pub reported_at: Option<ChronoDateTimeUtc>,
    pub finished_at: Option<ChronoDateTimeUtc>,
    /// What the exec guard lets its tree run; absent: no guard.
    pub guard: Option<Json>,
    /// How well it was guarded, once the agent has said so.
    pub enforcement: Option<String>,
    /// Array of words: parts of the floor in force.
    pub floor: Option<Json>,
    /// Programs stored, denied among them, and only counted.
    pub programs: i64,
    pub programs_denied: i64,
    pub programs_folded: i64,
    /// The login it was requested with, if one.
    pub login_id: Option<Uuid>,
}

/// None: joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
