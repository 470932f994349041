//! A new allow-list or guardrail over recorded commands.

use std::collections::HashMap;

use guardrail::{Detail, Facts, Outcome, Principal, Requester, Set, Source};
use judge::{Authority, Decision, Plan, RuleSet};
use protocol::command::Status;
use protocol::id::{CommandId, ServerId, UserId};
use protocol::judgement::{Replay, ReplayExample, Replayed};
use protocol::work_session::REQUESTER_AGENT;
use store::commands::CommandFilter;
use store::entity::{command, server};
use store::{Paging, Viewer};
use uuid::Uuid;

use crate::gate;
use crate::http::{ApiError, ApiResult, Ctx};

const SOURCE: &str = "judge";
/// Commands looked at in one request.
const MAX_COMMANDS: u64 = 5_000;
const PAGE: u64 = 100;
const MAX_EXAMPLES: usize = 20;

/// What is tried.
struct Trial {
    /// The only allow-list, if one is tried.
    rules: Option<Authority>,
    guardrails: Set,
}

/// Counts what would have been decided otherwise.
pub(super) async fn replay(ctx: &Ctx, request: &Replay) -> ApiResult<Replayed> {
    ctx.principal.require_scope("command", "read")?;
    let trial = trial(ctx, request)?;
    let filter = filter(ctx, request).await?;
    let mut known = Known::default();
    let mut answer = Replayed::default();
    for number in 1.. {
        let paging = Paging {
            page: number,
            size: PAGE,
        };
        let (rows, _) = ctx.tenant().commands().list(&filter, paging).await?;
        let is_last = u64::try_from(rows.len()).unwrap_or(PAGE) < PAGE;
        for row in rows {
            if request.since.is_some_and(|since| row.added_at < since) {
                return Ok(answer);
            }
            if answer.examined >= MAX_COMMANDS {
                answer.truncated = true;
                return Ok(answer);
            }
            known.learn(ctx, &row).await?;
            answer.examined += 1;
            count(&mut answer, &trial, &known, &row);
        }
        if is_last {
            break;
        }
        // Judging is work: others get their turn.
        tokio::task::yield_now().await;
    }
    Ok(answer)
}

fn trial(ctx: &Ctx, request: &Replay) -> ApiResult<Trial> {
    if request.rules.is_empty() && request.guardrail.is_none() {
        return Err(ApiError::missing(SOURCE, "rules"));
    }
    let rules = match request.rules.is_empty() {
        true => None,
        false => Some(Authority {
            commands: Some(RuleSet::compile(&request.rules).map_err(|error| {
                ApiError::field(SOURCE, "rules", format!("A rule cannot be used: {error}"))
            })?),
            ..Authority::default()
        }),
    };
    let sources: Vec<Source> = request
        .guardrail
        .iter()
        .map(|text| Source {
            id: String::new(),
            name: "replayed".to_owned(),
            version: 0,
            text: text.clone(),
        })
        .collect();
    if !sources.is_empty() {
        // What guardrails see of others, such as their groups, is for staff.
        ctx.principal.require_staff()?;
    }
    let guardrails = Set::compile(&sources)
        .map_err(|(_, error)| ApiError::field(SOURCE, "guardrail", error.to_string()))?;
    Ok(Trial { rules, guardrails })
}

/// The same commands as the list of commands shows.
async fn filter(ctx: &Ctx, request: &Replay) -> ApiResult<CommandFilter> {
    let viewer = ctx.principal.viewer();
    let fleet = ctx.tenant().fleet();
    if let Some(server) = request.server
        && fleet.find(viewer, server).await?.is_none()
    {
        return Err(ApiError::not_found());
    }
    if let Some(session) = request.work_session {
        crate::work_sessions::visible(ctx, session).await?;
    }
    let mut filter = CommandFilter {
        server: request.server,
        work_session: request.work_session,
        ..CommandFilter::default()
    };
    if !ctx.principal.is_staff() {
        filter.requested_by = Some(ctx.principal.require_user().map(|user| UserId(user.id))?);
    } else if !matches!(viewer, Viewer::Everything) {
        filter.servers = Some(fleet.visible_ids(viewer).await?);
    }
    Ok(filter)
}

/// What commands refer to, each read once.
#[derive(Default)]
struct Known {
    users: HashMap<Uuid, Principal>,
    servers: HashMap<Uuid, server::Model>,
    /// Whether a session is an agent's.
    sessions: HashMap<Uuid, bool>,
}

impl Known {
    async fn learn(&mut self, ctx: &Ctx, row: &command::Model) -> ApiResult<()> {
        let tenant = ctx.tenant();
        let user = row.requested_by.filter(|id| !self.users.contains_key(id));
        if let Some(id) = user
            && let Some(user) = tenant.identity().user(UserId(id)).await?
        {
            self.users.insert(id, gate::principal_of(ctx, &user).await?);
        }
        let server = Some(row.server_id).filter(|id| !self.servers.contains_key(id));
        if let Some(id) = server
            && let Some(server) = tenant
                .fleet()
                .find(Viewer::Everything, ServerId(id))
                .await?
        {
            self.servers.insert(id, server);
        }
        let session = row
            .work_session_id
            .filter(|id| !self.sessions.contains_key(id));
        if let Some(id) = session {
            let found = tenant.work_sessions().find(id.into()).await?;
            let is_agents = found.is_some_and(|row| row.requester_type == REQUESTER_AGENT);
            self.sessions.insert(id, is_agents);
        }
        Ok(())
    }

    fn facts<'a>(&self, row: &'a command::Model, plan: &'a Plan) -> Facts<'a> {
        let by_token = row.token_id.is_some();
        let session = row.work_session_id.and_then(|id| self.sessions.get(&id));
        let user = row.requested_by.and_then(|id| self.users.get(&id));
        let server = self.servers.get(&row.server_id);
        Facts {
            principal: user.cloned().unwrap_or_default(),
            server: server.map(gate::server_of).unwrap_or_default(),
            requester: match by_token || session.copied().unwrap_or_default() {
                true => Requester::Agent,
                false => Requester::Human,
            },
            interactive: !by_token,
            ip: row.remote_ip.as_deref().and_then(|ip| ip.parse().ok()),
            time: row.added_at,
            username: row.username.clone(),
            in_session: row.work_session_id.is_some(),
            detail: Detail::Command {
                line: &row.line,
                plan,
                env: Vec::new(),
            },
        }
    }
}

fn count(answer: &mut Replayed, trial: &Trial, known: &Known, row: &command::Model) {
    let ran = Status::parse(&row.status) != Some(Status::Rejected);
    let (becomes, reason) = decided(trial, known, row, ran);
    let was = if ran { "allow" } else { "deny" };
    if was == becomes {
        answer.unchanged += 1;
        return;
    }
    match becomes {
        "allow" => answer.newly_allowed += 1,
        "hold" => answer.newly_held += 1,
        _ => answer.newly_denied += 1,
    }
    if answer.examples.len() < MAX_EXAMPLES {
        answer.examples.push(ReplayExample {
            command: CommandId(row.id),
            added_at: Some(row.added_at),
            line: row.line.clone(),
            was: was.to_owned(),
            becomes: becomes.to_owned(),
            reason,
        });
    }
}

fn decided(
    trial: &Trial,
    known: &Known,
    row: &command::Model,
    ran: bool,
) -> (&'static str, String) {
    let plan = Plan::read(&row.line);
    let by_rules = match &trial.rules {
        Some(authority) => {
            let verdict = judge::judge(&plan, authority, &[] as &[&str]);
            match verdict.decision {
                Decision::Allow => {
                    let rule = verdict.rule.unwrap_or_default();
                    ("allow", format!("the rule `{rule}` allows it"))
                }
                Decision::Deny { reason, .. } => return ("deny", reason),
                Decision::Hold { reason } => ("hold", reason),
            }
        }
        // A guardrail alone allows nothing that was refused.
        None if !ran => return ("deny", String::new()),
        None => ("allow", String::new()),
    };
    match trial.guardrails.decide(&known.facts(row, &plan)) {
        Outcome::Pass => by_rules,
        Outcome::Hold(decided) => ("hold", decided.reason),
        Outcome::Deny(decided) => ("deny", decided.reason),
    }
}
