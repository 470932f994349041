//! What a judge is told.

use chrono::{DateTime, Utc};
use judge::risk::{self, Requester};
use mask::{Patterns, mask};
use protocol::id::{ServerId, WorkSessionId};
use protocol::work_session::REQUESTER_AGENT;
use serde::Serialize;
use serde_json::Value;
use store::commands::CommandFilter;
use store::{Paging, now};
use uuid::Uuid;

use super::{Asked, AskedAbout};
use crate::gate::Grant;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::Subject;

/// Earlier commands that are told.
const HISTORY: u64 = 20;
/// Characters of an earlier line.
const MAX_LINE: usize = 1000;

#[derive(Serialize)]
struct Question<'a> {
    version: u32,
    /// Different in each question.
    id: Uuid,
    time: DateTime<Utc>,
    workspace: &'a str,
    operation: &'static str,
    requester: Who<'a>,
    server: Where<'a>,
    username: &'a str,
    line: &'a str,
    /// The simple commands that it would run, in canonical form.
    plan: Vec<String>,
    risk: String,
    flags: Vec<&'static str>,
    /// Names of variables that come along.
    env: &'a [String],
    session: Option<Session<'a>>,
    /// Of the session, or else of the requester on this server; newest first.
    history: Vec<Earlier>,
    /// What it is without an opinion: `allow` or `hold`.
    verdict: &'static str,
}

#[derive(Serialize)]
struct Who<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct Where<'a> {
    name: &'a str,
    platform: &'a str,
    tags: &'a Value,
}

#[derive(Serialize)]
struct Session<'a> {
    id: Uuid,
    purpose: &'a str,
    scopes: &'a Value,
}

#[derive(Serialize)]
struct Earlier {
    time: DateTime<Utc>,
    line: String,
    status: String,
    exit_code: Option<i64>,
}

fn requester(ctx: &Ctx, grant: &Grant) -> Requester {
    let of_agent = grant
        .session
        .as_ref()
        .is_some_and(|session| session.requester_type == REQUESTER_AGENT);
    match &ctx.principal.subject {
        Subject::Application { .. } => Requester::Ci,
        Subject::User(_) if of_agent || !ctx.principal.is_interactive() => Requester::Agent,
        Subject::User(_) => Requester::Human,
    }
}

/// Whether the workspace wants the judge asked about this caller.
pub(super) fn is_about(about: AskedAbout, ctx: &Ctx, grant: &Grant) -> bool {
    about == AskedAbout::Everybody || requester(ctx, grant) != Requester::Human
}

/// The body of a question.
pub(super) async fn body(ctx: &Ctx, asked: Asked<'_>) -> ApiResult<Vec<u8>> {
    let Asked {
        grant, line, plan, ..
    } = asked;
    let session = grant.session.as_deref();
    let question = Question {
        version: 1,
        id: Uuid::new_v4(),
        time: now(),
        workspace: &ctx.workspace.name,
        operation: "command",
        requester: Who {
            kind: match requester(ctx, grant) {
                Requester::Human => "human",
                Requester::Agent => "agent",
                Requester::Ci => "ci",
            },
            name: match &ctx.principal.subject {
                Subject::User(user) => &user.username,
                Subject::Application { name, .. } => name,
            },
        },
        server: Where {
            name: &grant.server.name,
            platform: &grant.server.platform,
            tags: &grant.server.tags,
        },
        username: &grant.username,
        line,
        plan: plan.rendered(),
        risk: risk::of(plan).to_string(),
        flags: plan.flags.iter().map(|flag| flag.as_str()).collect(),
        env: asked.env,
        session: session.map(|session| Session {
            id: session.id,
            purpose: &session.description,
            scopes: &session.scopes,
        }),
        history: history(ctx, grant).await?,
        verdict: if asked.is_held { "hold" } else { "allow" },
    };
    serde_json::to_vec(&question).map_err(ApiError::internal)
}

async fn history(ctx: &Ctx, grant: &Grant) -> ApiResult<Vec<Earlier>> {
    let filter = match (&grant.session, ctx.principal.user_id()) {
        (Some(session), _) => CommandFilter {
            work_session: Some(WorkSessionId(session.id)),
            ..CommandFilter::default()
        },
        (None, Some(user)) => CommandFilter {
            server: Some(ServerId(grant.server.id)),
            requested_by: Some(user),
            ..CommandFilter::default()
        },
        // A list by token would show what others of the application did.
        (None, None) => return Ok(Vec::new()),
    };
    let paging = Paging {
        page: 1,
        size: HISTORY,
    };
    let (rows, _) = ctx.tenant().commands().list(&filter, paging).await?;
    let patterns = Patterns::built_in();
    let told = rows.into_iter().map(|row| Earlier {
        time: row.added_at,
        line: mask(&patterns, &row.line).chars().take(MAX_LINE).collect(),
        status: row.status,
        exit_code: row.exit_code,
    });
    Ok(told.collect())
}
