//! Asking for a work session.

use http::StatusCode;
use judge::RuleSet;
use protocol::approval::kind;
use protocol::code;
use protocol::id::{ApprovalId, ServerId, SudoPolicyId, UserId, WorkSessionId};
use protocol::work_session::{
    CreateWorkSession, REQUESTER_AGENT, REQUESTER_USER, SCOPES, Status, SudoPolicy,
};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::work_session;
use store::now;
use store::work_sessions::{NewWorkSession, Rules};
use uuid::Uuid;

use super::guard::{self, Wanted};
use super::review::{self, Shape};
use crate::approvals::{self, NewRequest, Reviewers};
use crate::http::{ApiError, ApiResult, Ctx};

pub(super) const SOURCE: &str = "work_session";
/// Longest purpose and title, characters.
const MAX_DESCRIPTION: usize = 16 * 1024;
pub(super) const MAX_TITLE: usize = 256;
/// Servers of one session.
const MAX_SERVERS: usize = 1000;
/// Rules and policies of one session.
const MAX_RULES: usize = 1000;

/// Creates a session: active, scheduled, or pending where policy wants a reviewer.
pub(super) async fn create(
    ctx: &Ctx,
    request: CreateWorkSession,
) -> ApiResult<work_session::Model> {
    let user = ctx.principal.require_user()?;
    let requester_type = requester_type(ctx, &request.requester_type)?;
    let description = description(&request.description)?;
    let title = title(request.title.as_deref().unwrap_or_default())?;
    let scopes = scopes(&request.scopes, requester_type)?;
    let servers = servers(ctx, &request.servers).await?;
    let policies = sudo_policies(request.sudo_policies, &scopes)?;
    let rules = rules(
        request.allow_commands,
        request.allow_paths,
        request.allow_ports,
        request.hold_programs,
    )?;
    let rules = Rules {
        hold: rules.hold || holds_for_agents(ctx, requester_type, &rules),
        ..rules
    };
    let expires_at = request
        .expires_at
        .ok_or_else(|| ApiError::missing(SOURCE, "expires_at"))?;
    let time = now();
    let starts_at = request.starts_at.filter(|start| *start > time);
    check_window(ctx, starts_at.unwrap_or(time), expires_at)?;

    let wanted = Wanted {
        requester_type,
        scopes: &scopes,
        servers: &servers,
        has_command_rules: !rules.commands.is_empty(),
        start: starts_at.unwrap_or(time),
        end: expires_at,
    };
    let guarded = guard::needs_reviewer(ctx, wanted).await?;
    let shape = Shape {
        requester_type,
        scopes: &scopes,
        servers: &servers,
    };
    let reviewers = review::needed(ctx, &shape, guarded).await?;
    let me = UserId(user.id);
    let status = match (reviewers.is_some(), starts_at) {
        (true, _) => Status::Pending,
        (false, Some(_)) => Status::Approved,
        (false, None) => Status::Active,
    };
    let mut status_detail = None;
    if let Some(reviewers) = &reviewers {
        approvals::check_room(ctx, me).await?;
        if !approvals::could_review(ctx, Some(me), reviewers).await? {
            status_detail =
                Some("There are not enough reviewers in this workspace to approve it.".to_owned());
        }
    }
    let request = reviewers.map(|reviewers| (ApprovalId::new(), reviewers));
    let unit = ctx.begin().await?;
    let row = unit
        .tenant()
        .work_sessions()
        .create(NewWorkSession {
            title,
            description,
            status,
            status_detail,
            requester_type: requester_type.to_owned(),
            scopes,
            servers,
            sudo_policies: policies,
            rules,
            created_by: Some(me),
            assigned_user: Some(me),
            approval_request: request.as_ref().map(|(id, _)| *id),
            starts_at,
            expires_at,
        })
        .await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "worksession",
        object_id: Some(row.id),
        action: "create",
        status_code: StatusCode::CREATED.as_u16(),
        description: format!("work session {}: {}", row.status, row.description),
        data: json!({
            "status": row.status,
            "requester_type": row.requester_type,
            "scopes": row.scopes,
            "servers": row.servers,
            "rules": row.rules,
            "sudo_policies": row.sudo_policies,
            "starts_at": row.starts_at,
            "expires_at": row.expires_at,
        }),
    })
    .await?;
    let asked = match request {
        Some((id, reviewers)) => {
            let request = review_of(&row, id, me, reviewers);
            Some(approvals::add(ctx, &unit, ctx.principal.actor(), request).await?)
        }
        None => None,
    };
    unit.commit().await?;
    if let Some(asked) = asked {
        approvals::announce(ctx, &asked, "pending").await;
    }
    Ok(row)
}

/// What a reviewer of a new session decides about.
pub(super) fn review_of(
    row: &work_session::Model,
    id: ApprovalId,
    me: UserId,
    reviewers: Reviewers,
) -> NewRequest {
    let purpose = match row.title.as_str() {
        "" => row.description.lines().next().unwrap_or_default(),
        title => title,
    };
    NewRequest {
        id,
        kind: kind::WORK_SESSION,
        summary: format!("work session: {purpose}"),
        description: row.description.clone(),
        content: json!({
            "requester_type": row.requester_type,
            "title": row.title,
            "scopes": row.scopes,
            "servers": row.servers,
            "rules": row.rules,
            "sudo_policies": row.sudo_policies,
            "starts_at": row.starts_at,
            "expires_at": row.expires_at,
            "session": row.id,
        }),
        requested_by: me,
        reviewers,
        server: None,
        work_session: Some(WorkSessionId(row.id)),
        command: None,
        ends_at: Some(row.expires_at),
    }
}

/// Tokens act for machines: whatever they say, they are agents.
fn requester_type(ctx: &Ctx, requested: &str) -> ApiResult<&'static str> {
    match requested {
        _ if !ctx.principal.is_interactive() => Ok(REQUESTER_AGENT),
        "" | REQUESTER_USER => Ok(REQUESTER_USER),
        REQUESTER_AGENT => Ok(REQUESTER_AGENT),
        _ => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "requester_type must be user or agent.",
        )
        .code(code::INVALID_CHOICE, SOURCE)),
    }
}

/// Whether the workspace holds what the rules of an agent's session do not allow.
fn holds_for_agents(ctx: &Ctx, requester_type: &str, rules: &Rules) -> bool {
    ctx.workspace.settings.hold_programs_of_agents
        && requester_type == REQUESTER_AGENT
        && !rules.commands.is_empty()
}

pub(super) fn description(text: &str) -> ApiResult<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ApiError::missing(SOURCE, "description"));
    }
    bounded("description", text, MAX_DESCRIPTION)
}

pub(super) fn title(text: &str) -> ApiResult<String> {
    bounded("title", text.trim(), MAX_TITLE)
}

fn bounded(field: &'static str, text: &str, limit: usize) -> ApiResult<String> {
    if text.chars().count() > limit {
        return Err(ApiError::field(
            SOURCE,
            field,
            format!("{field} is longer than {limit} characters."),
        ));
    }
    if text.contains('\0') {
        return Err(ApiError::field(
            SOURCE,
            field,
            format!("{field} cannot hold a NUL byte."),
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn scopes(requested: &[String], requester_type: &str) -> ApiResult<Vec<String>> {
    let mut scopes: Vec<String> = requested
        .iter()
        .map(|scope| scope.trim().to_owned())
        .collect();
    scopes.sort_unstable();
    scopes.dedup();
    let invalid = |detail: String| {
        ApiError::new(StatusCode::BAD_REQUEST, detail)
            .code(code::WORK_SESSION_INVALID_SCOPE, SOURCE)
    };
    if scopes.is_empty() {
        return Err(ApiError::missing(SOURCE, "scopes"));
    }
    if let Some(unknown) = scopes
        .iter()
        .find(|scope| !SCOPES.contains(&scope.as_str()))
    {
        return Err(invalid(format!(
            "{unknown} is not a scope; valid: {}.",
            SCOPES.join(", ")
        )));
    }
    if requester_type == REQUESTER_AGENT && scopes.iter().any(|scope| scope == "websh") {
        return Err(invalid(
            "An agent's session cannot hold the scope websh.".to_owned(),
        ));
    }
    Ok(scopes)
}

pub(super) async fn servers(ctx: &Ctx, requested: &[ServerId]) -> ApiResult<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = requested.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Err(ApiError::missing(SOURCE, "servers"));
    }
    if ids.len() > MAX_SERVERS {
        return Err(ApiError::field(
            SOURCE,
            "servers",
            "Too many servers for one session.",
        ));
    }
    let found = ctx
        .tenant()
        .fleet()
        .find_all(ctx.principal.viewer(), ids.clone())
        .await?;
    if found.len() != ids.len() {
        return Err(ApiError::field(
            SOURCE,
            "servers",
            "One of the servers does not exist.",
        ));
    }
    Ok(ids)
}

/// Policies with their ids; new ones get one.
pub(super) fn sudo_policies(
    mut policies: Vec<SudoPolicy>,
    scopes: &[String],
) -> ApiResult<Vec<SudoPolicy>> {
    if policies.is_empty() {
        return Ok(policies);
    }
    if !scopes.iter().any(|scope| scope == "sudo") {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "Sudo policies need the scope sudo.",
        )
        .code(code::WORK_SESSION_SUDO_POLICY_WITHOUT_SCOPE, SOURCE));
    }
    if policies.len() > MAX_RULES {
        return Err(ApiError::field(
            SOURCE,
            "sudo_policies",
            "Too many sudo policies.",
        ));
    }
    for policy in &mut policies {
        policy.id.get_or_insert_with(SudoPolicyId::new);
        compiles("sudo_policies", RuleSet::compile(&policy.commands))?;
        if policy.commands.is_empty() {
            return Err(ApiError::field(
                SOURCE,
                "sudo_policies",
                "A sudo policy must name at least one command.",
            ));
        }
    }
    Ok(policies)
}

fn rules(
    commands: Vec<String>,
    paths: Vec<String>,
    ports: Vec<String>,
    hold: bool,
) -> ApiResult<Rules> {
    if hold && commands.is_empty() {
        return Err(ApiError::field(
            SOURCE,
            "hold_programs",
            "Without allow_commands nothing is denied, so nothing can be held.",
        ));
    }
    compiles("allow_commands", RuleSet::compile(&commands))?;
    compiles("allow_paths", RuleSet::compile_paths(&paths))?;
    if ports.len() > MAX_RULES
        || !ports
            .iter()
            .all(|port| port.parse::<u16>().is_ok_and(|number| number > 0))
    {
        return Err(ApiError::field(
            SOURCE,
            "allow_ports",
            "Ports must be numbers from 1 to 65535.",
        ));
    }
    Ok(Rules {
        commands,
        paths,
        ports,
        hold,
    })
}

fn compiles(field: &'static str, rules: Result<RuleSet, judge::RuleError>) -> ApiResult<()> {
    rules
        .map(|_| ())
        .map_err(|error| ApiError::field(SOURCE, field, format!("A rule cannot be used: {error}")))
}

pub(super) fn check_window(
    ctx: &Ctx,
    start: chrono::DateTime<chrono::Utc>,
    end: chrono::DateTime<chrono::Utc>,
) -> ApiResult<()> {
    if end <= start || end <= now() {
        return Err(ApiError::field(
            SOURCE,
            "expires_at",
            "The session would end before it starts.",
        ));
    }
    let limit = ctx.workspace.settings.work_session_max_ttl;
    if (end - start).num_seconds() > limit {
        return Err(ApiError::field(
            SOURCE,
            "expires_at",
            format!("A session may last at most {} hours here.", limit / 3600),
        ));
    }
    Ok(())
}
