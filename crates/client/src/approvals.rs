//! Approval requests (`rest-operations.md` §3).

use chrono::{DateTime, Utc};
use protocol::guard::HeldProgram;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::users::UserSummary;
use crate::{Api, Error, decode, page, path};

const PATH: &str = "/api/approvals/approvals/";
const COMMANDS: &str = "/api/events/commands/";

/// States a request can be in.
pub const STATUSES: [&str; 5] = ["pending", "approved", "rejected", "cancelled", "expired"];
/// What a request can be about.
pub const TYPES: [&str; 11] = [
    "command",
    "command_plan",
    "sudo",
    "work_session",
    "username",
    "groupname",
    "service_token",
    "svc_token_mod",
    "app_username",
    "work_session_mod",
    "sudo_policy",
];

/// A request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Approval {
    /// Id.
    pub id: String,
    /// See [`TYPES`].
    pub request_type: String,
    /// Summary for people.
    pub request_data: String,
    /// Why it was asked for.
    pub description: String,
    /// See [`STATUSES`].
    pub status: String,
    /// Who asked.
    pub requested_by: Option<UserSummary>,
    /// Who decided.
    pub reviewed_by: Option<UserSummary>,
    /// When it was decided.
    #[serde(deserialize_with = "decode::time")]
    pub reviewed_at: Option<DateTime<Utc>>,
    /// When it was asked for.
    #[serde(deserialize_with = "decode::time")]
    pub added_at: Option<DateTime<Utc>>,
}

/// What can be done with a pending request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Withdraw it.
    Cancel,
    /// Grant it.
    Approve,
    /// Refuse it.
    Reject,
}

impl Action {
    /// The last segment of its path, and its word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// Requests of everybody, or only the caller's own. Empty filters are left out.
///
/// # Errors
/// When the call fails; only superusers may list everybody's.
pub async fn list(
    api: &Api,
    own: bool,
    status: &str,
    request_type: &str,
) -> Result<Vec<Approval>, Error> {
    let query: Vec<_> = [("status", status), ("request_type", request_type)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    let path = if own {
        path::join(PATH, &["-"])?
    } else {
        PATH.to_owned()
    };
    page::all(api, &path, &query, None).await
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Carries an action out.
///
/// # Errors
/// When the call fails.
pub async fn act(api: &Api, id: &str, action: Action) -> Result<(), Error> {
    let body = serde_json::json!({});
    api.post_ignoring(&path::join(PATH, &[id, action.as_str()])?, &body)
        .await
}

/// Programs of the workspace that wait for an answer. An addition of our server.
///
/// # Errors
/// When the call fails; only superusers may.
pub async fn held_programs(api: &Api) -> Result<Vec<HeldProgram>, Error> {
    api.get("/api/approvals/programs/", &[]).await
}

/// Answers about a held program.
///
/// # Errors
/// When it does not wait any more, the caller may not answer, or the call fails.
pub async fn answer_program(api: &Api, command: &str, seq: i64, allow: bool) -> Result<(), Error> {
    let seq = seq.to_string();
    let path = path::join(COMMANDS, &[command, "programs", &seq, "answer"])?;
    let body = serde_json::json!({ "allow": allow });
    api.post_ignoring(&path, &body).await
}

/// Several commands to be approved together. An addition of our server.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewPlan {
    /// Id of the server.
    pub server: String,
    /// The work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<String>,
    /// Account; empty: the caller's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// Why, for the reviewer.
    pub description: String,
    /// The lines.
    pub commands: Vec<String>,
}

/// Asks for the approval of a plan.
///
/// # Errors
/// When the gate or the judge refuses one of its commands, or the call fails.
pub async fn plan(api: &Api, plan: &NewPlan) -> Result<Approval, Error> {
    api.post("/api/approvals/plans/", plan).await
}
