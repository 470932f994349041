//! Commands (`rest-operations.md` §4).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use protocol::command::{SHELL_SYSTEM, Status};
use serde::{Deserialize, Serialize};

use crate::servers::ServerSummary;
use crate::users::UserSummary;
use crate::{Api, Error, decode, page, path};

/// Path of commands.
pub const PATH: &str = "/api/events/commands/";

/// What to run.
#[derive(Clone, Default, Serialize)]
pub struct Submit {
    shell: &'static str,
    line: String,
    env: BTreeMap<String, String>,
    data: &'static str,
    username: String,
    groupname: String,
    scheduled_at: Option<()>,
    server: String,
    run_after: [&'static str; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    work_session: Option<String>,
}

impl Submit {
    /// `line` on the server with this id.
    #[must_use]
    pub fn new(server: String, line: String) -> Self {
        Self {
            shell: SHELL_SYSTEM,
            server,
            line,
            ..Self::default()
        }
    }

    /// Run it as this account and group; empty: the server's choice.
    #[must_use]
    pub fn run_as(mut self, username: String, groupname: String) -> Self {
        self.username = username;
        self.groupname = groupname;
        self
    }

    /// With these variables.
    #[must_use]
    pub fn env(mut self, env: BTreeMap<String, String>) -> Self {
        self.env = env;
        self
    }

    /// Inside this work session.
    #[must_use]
    pub fn work_session(mut self, id: Option<String>) -> Self {
        self.work_session = id;
        self
    }
}

/// The answer to a submission.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Submitted {
    /// Id.
    pub id: String,
    /// Target.
    pub server: ServerSummary,
}

/// A command.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Command {
    /// Id.
    pub id: String,
    /// `system` or `internal`.
    pub shell: String,
    /// The line.
    pub line: String,
    /// See [`Status`].
    pub status: String,
    /// Outcome, once known.
    pub success: Option<bool>,
    /// Exit status, once known.
    pub exit_code: Option<i64>,
    /// See [`protocol::command::phase`].
    pub error_phase: Option<String>,
    /// Captured output.
    pub result: String,
    /// When it was submitted.
    #[serde(deserialize_with = "decode::time")]
    pub added_at: Option<DateTime<Utc>>,
    /// Target.
    pub server: ServerSummary,
    /// Who.
    pub requested_by: Option<UserSummary>,
    /// Ours: the approval a held command waits for.
    pub approval_request_id: Option<String>,
}

impl Command {
    /// The state, when it is one we know.
    #[must_use]
    pub fn state(&self) -> Option<Status> {
        Status::parse(&self.status)
    }
}

/// A piece of output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Chunk {
    /// From 0.
    pub seq: i64,
    /// Text.
    pub content: String,
}

/// Submits a command.
///
/// # Errors
/// When the gate or the judge refuses, or the call fails.
pub async fn submit(api: &Api, body: &Submit) -> Result<Submitted, Error> {
    let rows: Result<Vec<Submitted>, Error> = api.post(PATH, body).await;
    first(rows.map_err(Error::of_submission)?)
}

/// The one command of a submission's answer.
pub(crate) fn first(rows: Vec<Submitted>) -> Result<Submitted, Error> {
    rows.into_iter()
        .find(|row| !row.id.is_empty())
        .ok_or_else(|| Error::Decode {
            what: format!("POST {PATH}"),
            reason: "it names no command".to_owned(),
        })
}

/// Reads a command.
///
/// # Errors
/// When the call fails.
pub async fn get(api: &Api, id: &str) -> Result<Command, Error> {
    api.get(&path::join(PATH, &[id])?, &[]).await
}

/// Output from chunk `from` to chunk `to`, or to the end.
///
/// # Errors
/// When the call fails.
pub async fn chunks(api: &Api, id: &str, from: i64, to: Option<i64>) -> Result<Vec<Chunk>, Error> {
    let mut query = vec![
        ("ordering", "seq".to_owned()),
        ("seq__gte", from.to_string()),
    ];
    if let Some(to) = to {
        query.push(("seq__lte", to.to_string()));
    }
    let mut rows: Vec<Chunk> =
        page::all(api, &path::join(PATH, &[id, "chunks"])?, &query, None).await?;
    rows.sort_by_key(|chunk| chunk.seq);
    rows.dedup_by_key(|chunk| chunk.seq);
    Ok(rows)
}

/// The newest `limit` commands; the filters are ids.
///
/// Filters go as path segments, which every server knows. A filter by user alone
/// shares its form with the detail of a command.
///
/// # Errors
/// When the call fails.
pub async fn list(
    api: &Api,
    server: Option<&str>,
    user: Option<&str>,
    limit: usize,
) -> Result<Vec<Command>, Error> {
    let segments: Vec<&str> = server.into_iter().chain(user).collect();
    page::all(api, &path::join(PATH, &segments)?, &[], Some(limit)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_has_every_member_of_the_contract() {
        let body = Submit::new("s1".into(), "uptime".into()).work_session(None);
        assert_eq!(
            serde_json::to_value(&body).unwrap(),
            serde_json::json!({
                "shell": "system", "line": "uptime", "env": {}, "data": "", "username": "",
                "groupname": "", "scheduled_at": null, "server": "s1", "run_after": [],
            })
        );
    }
}
