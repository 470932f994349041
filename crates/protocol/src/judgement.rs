//! Questions to the judge: an addition of ours. Nothing runs and nothing is recorded.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::guardrail::GuardrailOutcome;
use crate::id::{CommandId, ServerId, WorkSessionId};

/// `POST /api/judge/explain/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Explain {
    /// The line.
    pub line: String,
}

/// `POST /api/judge/simulate/`: what would be decided if the caller submitted this now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Simulate {
    /// Where.
    pub server: ServerId,
    /// The line.
    pub line: String,
    /// Account on the server; empty: the caller's own.
    pub username: String,
    /// Group on the server; empty: the account's own.
    pub groupname: String,
    /// Names of variables that would come along.
    pub env: Vec<String>,
    /// The work session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Simulation {
    /// `allow`, `deny` or `hold`.
    pub verdict: String,
    /// What decided: `gate`, `guardrail`, `credential` or `judge`.
    pub decided_by: String,
    /// The code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The rules that allow it, of the token and of the session.
    pub rules: Vec<String>,
    /// `low`, `medium`, `high` or `critical`.
    pub risk: String,
    /// What the guardrails say; absent where the gate decided before them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<GuardrailOutcome>,
    /// What happens beside running it: `record`, `mask`, `ask_external_judge`.
    pub obligations: Vec<String>,
    /// The judge's reading.
    pub plan: Value,
}

/// `POST /api/judge/replay/`: a new rule or guardrail over recorded commands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Replay {
    /// As the only allow-list. Empty: every line keeps what it was.
    pub rules: Vec<String>,
    /// As the only guardrail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<String>,
    /// Only commands of this session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<WorkSessionId>,
    /// Only commands on this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerId>,
    /// Only commands since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Replayed {
    /// Commands looked at, newest first.
    pub examined: u64,
    /// There were more than are looked at in one request.
    pub truncated: bool,
    /// Decided as then.
    pub unchanged: u64,
    /// Ran then, and would be refused.
    pub newly_denied: u64,
    /// Ran then, and would wait for an approval.
    pub newly_held: u64,
    /// Were refused then, and would run as far as these rules go.
    pub newly_allowed: u64,
    /// Some of those that would be decided otherwise, newest first.
    pub examples: Vec<ReplayExample>,
}

/// A command that would be decided otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ReplayExample {
    /// Its id.
    pub command: CommandId,
    /// When it was submitted.
    pub added_at: Option<DateTime<Utc>>,
    /// Its line.
    pub line: String,
    /// `allow` or `deny`: what happened.
    pub was: String,
    /// `allow`, `hold` or `deny`: what would happen.
    pub becomes: String,
    /// Why, for people.
    pub reason: String,
}

/// `GET /api/work-sessions/sessions/{id}/suggestion/`: the smallest rules that cover what
/// a session did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct RuleSuggestion {
    /// Command rules.
    pub commands: Vec<String>,
    /// What sudo ran.
    pub sudo: Vec<String>,
    /// File rules.
    pub paths: Vec<String>,
    /// Port rules.
    pub ports: Vec<String>,
    /// Lines that ran.
    pub lines: u64,
    /// Of them, those that these rules allow, by the judge's own verdict.
    pub covered: u64,
    /// Those that no rule of this kind covers.
    pub uncovered: Vec<UncoveredLine>,
    /// The session did more than was looked at.
    pub truncated: bool,
}

/// A line that suggested rules do not cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct UncoveredLine {
    /// The line.
    pub line: String,
    /// Why.
    pub reason: String,
}
