//! Work sessions (`rest-operations.md` §2).

use chrono::{DateTime, Utc};
use protocol::work_session::{REQUESTER_AGENT, Status, TimelineItem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::servers::ServerSummary;
use crate::users::UserSummary;
use crate::{Api, Error, decode, page, path};

const PATH: &str = "/api/work-sessions/sessions/";

/// A work session, as the CLI reads and re-emits it (`cli-core.md` §7.1).
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct WorkSession {
    /// Id.
    pub id: String,
    /// Short title.
    pub title: String,
    /// Purpose.
    pub description: String,
    /// See [`Status`].
    pub status: String,
    /// `user` or `agent`.
    pub requester_type: String,
    /// Operations allowed.
    pub scopes: Option<Vec<String>>,
    /// Servers allowed.
    pub servers: Option<Vec<ServerSummary>>,
    /// Who asked.
    pub created_by: Option<UserSummary>,
    /// Who may use it.
    pub assigned_user: Option<UserSummary>,
    /// Its approval request.
    pub approval_request_id: Option<String>,
    /// Scheduled start.
    #[serde(deserialize_with = "decode::time")]
    pub starts_at: Option<DateTime<Utc>>,
    /// End of the window.
    #[serde(deserialize_with = "decode::time")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Actual start.
    #[serde(deserialize_with = "decode::time")]
    pub started_at: Option<DateTime<Utc>>,
    /// Actual end.
    #[serde(deserialize_with = "decode::time")]
    pub completed_at: Option<DateTime<Utc>>,
    /// Creation time.
    #[serde(deserialize_with = "decode::time")]
    pub added_at: Option<DateTime<Utc>>,
    /// Last change.
    #[serde(deserialize_with = "decode::time")]
    pub updated_at: Option<DateTime<Utc>>,
    /// Commands that sudo runs without a second factor.
    pub sudo_policies: Option<Vec<SudoPolicy>>,
    /// What the approver changed.
    pub adjustments: Option<Adjustments>,
    /// Advice to the requester.
    pub recommendations: Option<Vec<Recommendation>>,
    /// Ours: globs of allowed commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_commands: Vec<String>,
    /// Ours: globs of allowed paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_paths: Vec<String>,
    /// Ours: allowed target ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_ports: Vec<String>,
    /// Ours: why a pending session waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_detail: Option<String>,
    /// Ours: the least that was enforced about any of its commands.
    pub enforcement: Option<String>,
}

impl WorkSession {
    /// The state, when it is one we know.
    #[must_use]
    pub fn state(&self) -> Option<Status> {
        Status::parse(&self.status)
    }

    /// Asked for by an AI agent; nobody may attach it to a shell.
    #[must_use]
    pub fn is_for_agent(&self) -> bool {
        self.requester_type == REQUESTER_AGENT
    }

    /// Names of its servers.
    #[must_use]
    pub fn server_names(&self) -> Vec<&str> {
        self.servers
            .iter()
            .flatten()
            .map(|server| server.name.as_str())
            .collect()
    }
}

/// A sudo policy inside a work session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct SudoPolicy {
    /// Absent on a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Globs.
    pub commands: Vec<String>,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Needs no second factor.
    pub allow_bypass_mfa: bool,
}

/// What the approver changed; a dimension is there only if changed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Adjustments {
    /// Scopes before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Change<String>>,
    /// Servers before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Change<ServerSummary>>,
}

/// One changed list.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub struct Change<T> {
    /// Before.
    pub old: Vec<T>,
    /// After.
    pub new: Vec<T>,
}

impl<T> Default for Change<T> {
    fn default() -> Self {
        Self {
            old: Vec::new(),
            new: Vec::new(),
        }
    }
}

/// Advice attached to a session.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Recommendation {
    /// Id.
    pub id: String,
    /// Text.
    pub text: String,
    /// Free word.
    pub severity: String,
    /// `admin_added` or `ai_suggested`.
    pub source: String,
    /// The server can check it by itself.
    pub auto_checkable: bool,
}

/// What a new session shall be. Servers are ids.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Create {
    /// Purpose.
    pub description: String,
    /// `user` or `agent`.
    pub requester_type: String,
    /// Operations.
    pub scopes: Vec<String>,
    /// Server ids.
    pub servers: Vec<String>,
    /// RFC 3339.
    pub expires_at: String,
    /// Empty: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sudo_policies: Vec<SudoPolicy>,
    /// Ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Ours: RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// Ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_commands: Vec<String>,
    /// Ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_paths: Vec<String>,
    /// Ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_ports: Vec<String>,
    /// Ours: what `allow_commands` does not allow waits on the host instead of being
    /// denied.
    #[serde(skip_serializing_if = "is_false")]
    pub hold_programs: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it that way")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A change; absent members stay.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Update {
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Replaces the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Replaces the list; ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<String>>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Replaces the set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sudo_policies: Option<Vec<SudoPolicy>>,
}

/// An action without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Start an approved session now.
    Activate,
    /// End one's own session.
    Complete,
    /// End somebody's session.
    Revoke,
    /// Withdraw a pending session.
    Cancel,
    /// Grant a pending session.
    Approve,
    /// Refuse a pending session.
    Reject,
}

impl Action {
    /// The last segment of its path, and its word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Complete => "complete",
            Self::Revoke => "revoke",
            Self::Cancel => "cancel",
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// Which sessions to list; `None`: no filter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// One or several states, separated by commas.
    pub status: Option<String>,
    /// `user` or `agent`.
    pub requester_type: Option<String>,
    /// Id of the user it is assigned to.
    pub assigned_user: Option<String>,
}

/// Sessions, as the server orders them.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api, filter: Filter) -> Result<Vec<WorkSession>, Error> {
    let query: Vec<_> = [
        ("status", filter.status),
        ("requester_type", filter.requester_type),
        ("assigned_user", filter.assigned_user),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    page::all(api, PATH, &query, None).await
}

/// Asks for a session.
///
/// # Errors
/// When the call fails.
pub async fn create(api: &Api, body: &Create) -> Result<WorkSession, Error> {
    api.post(PATH, body).await
}

/// Reads a session.
///
/// # Errors
/// When the call fails.
pub async fn get(api: &Api, id: &str) -> Result<WorkSession, Error> {
    api.get(&path::join(PATH, &[id])?, &[]).await
}

/// The server's own representation.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, id: &str) -> Result<Value, Error> {
    api.get_json(&path::join(PATH, &[id])?, &[]).await
}

/// Changes a session.
///
/// # Errors
/// When the call fails.
pub async fn update(api: &Api, id: &str, body: &Update) -> Result<WorkSession, Error> {
    let path = path::join(PATH, &[id])?;
    let answer = api.patch_json(&path, body).await?;
    decode::from_value(answer).map_err(|error| Error::Decode {
        what: format!("PATCH {path}"),
        reason: error.to_string(),
    })
}

/// Moves the end of the window; RFC 3339.
///
/// # Errors
/// When the call fails.
pub async fn extend(api: &Api, id: &str, expires_at: &str) -> Result<(), Error> {
    let body = serde_json::json!({ "expires_at": expires_at });
    api.post_ignoring(&path::join(PATH, &[id, "extend"])?, &body)
        .await
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

/// Everything that happened in a session, recordings included.
///
/// # Errors
/// When the call fails.
pub async fn timeline(
    api: &Api,
    id: &str,
    with_programs: bool,
) -> Result<Vec<TimelineItem>, Error> {
    let mut filter = vec![("include_records", "true".to_owned())];
    if with_programs {
        filter.push(("include_programs", "true".to_owned()));
    }
    page::all(api, &path::join(PATH, &[id, "timeline"])?, &filter, None).await
}
