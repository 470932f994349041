//! A plan: several commands, one decision, for exactly those. Each then runs once, when
//! its requester submits it; the gate and the judge are asked again at that moment.

use std::collections::BTreeMap;

use http::StatusCode;
use judge::Plan;
use judge::risk::Risk;
use protocol::approval::{CreatePlan, Status, kind};
use protocol::command::{SHELL_SYSTEM, SubmitCommand};
use protocol::id::{ApprovalId, ServerId, UserId, WorkSessionId};
use serde_json::{Value, json};
use store::entity::approval_request;
use store::now;

use super::hold;
use super::submit::{SOURCE, check_shape, decide, refuse_credentials};
use crate::approvals::{self, NewRequest, Reviewers};
use crate::gate::{self, Grant, Operation, Target};
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx};

/// Commands of one plan.
const MAX_COMMANDS: usize = 50;
/// Longest reason, characters.
const MAX_DESCRIPTION: usize = 4096;

/// What a reviewer reads, and what they approve of each command.
struct Read {
    grant: Grant,
    risk: Risk,
    /// Who would decide about it alone; none: it would not wait.
    reviewers: Option<Reviewers>,
    hash: String,
}

/// Asks for the approval of several commands, or finds the request that waits for them.
pub(crate) async fn ask(ctx: &Ctx, request: CreatePlan) -> ApiResult<approval_request::Model> {
    let Some(me) = ctx.principal.user_id() else {
        return Err(ApiError::forbidden(
            "A service token cannot ask a reviewer.",
        ));
    };
    check(&request)?;
    let mut read = Vec::with_capacity(request.commands.len());
    for line in &request.commands {
        read.push(read_line(ctx, &request, line).await?);
    }
    let Some(first) = read.first() else {
        return Err(ApiError::missing(SOURCE, "commands"));
    };
    let content = content(ctx, &request, &first.grant, &read);
    let hash = approvals::content_hash(&content);
    let known = ctx.tenant().approvals().standing(&hash, me, now()).await?;
    if let Some(known) = known.filter(|row| row.status == Status::Pending.as_str()) {
        return Ok(known);
    }
    let reviewers = strictest(ctx, &read)?;
    if !approvals::could_review(ctx, Some(me), &reviewers).await? {
        return Err(ApiError::forbidden(
            "This workspace has nobody who could approve a plan.",
        ));
    }
    approvals::check_room(ctx, me).await?;
    store(ctx, &request, &read, reviewers, me, content).await
}

fn check(request: &CreatePlan) -> ApiResult<()> {
    check_text(SOURCE, "description", &request.description, MAX_DESCRIPTION)?;
    if request.commands.is_empty() {
        return Err(ApiError::missing(SOURCE, "commands"));
    }
    if request.commands.len() > MAX_COMMANDS {
        let detail = format!("A plan has at most {MAX_COMMANDS} commands.");
        return Err(ApiError::field(SOURCE, "commands", detail));
    }
    // One below the other they must read as what they are.
    if request.commands.iter().any(|line| line.contains('\n')) {
        let detail = "A command of a plan has no line breaks; put it in a script.";
        return Err(ApiError::field(SOURCE, "commands", detail));
    }
    Ok(())
}

/// A command of the plan, as it would be submitted.
fn submission(request: &CreatePlan, line: &str) -> SubmitCommand {
    SubmitCommand {
        shell: SHELL_SYSTEM.to_owned(),
        line: line.to_owned(),
        username: request.username.clone(),
        groupname: request.groupname.clone(),
        server: request.server,
        work_session: request.work_session,
        ..SubmitCommand::default()
    }
}

/// Takes a command through the gate and the judge, as if it were submitted now.
async fn read_line(ctx: &Ctx, request: &CreatePlan, line: &str) -> ApiResult<Read> {
    let command = submission(request, line);
    let env = BTreeMap::new();
    check_shape(&command, &env)?;
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::authorize(ctx, Operation::Command, target).await?;
    let plan = Plan::read(line);
    refuse_credentials(ctx, &command, &plan).await?;
    let ruling = gate::command_ruling(ctx, &grant, &plan).await?;
    let judged = decide(ctx, &grant, &command, &plan, &env, ruling.as_ref()).await;
    let judged = judged.map_err(|refusal| ApiError {
        detail: format!("{line}: {}", refusal.detail),
        ..refusal
    })?;
    let content = hold::content(ctx, &grant, &judged, &command, &env, &plan)?;
    Ok(Read {
        reviewers: hold::review(ctx, &judged, ruling).map(|review| review.reviewers),
        risk: judge::risk::of(&plan),
        hash: approvals::content_hash(&content),
        grant,
    })
}

fn content(ctx: &Ctx, request: &CreatePlan, grant: &Grant, read: &[Read]) -> Value {
    let session = grant.session.as_ref();
    json!({
        "commands": request.commands,
        "hashes": read.iter().map(|read| &read.hash).collect::<Vec<_>>(),
        "risk": read.iter().map(|read| read.risk).max().unwrap_or_default(),
        "username": grant.username,
        "groupname": grant.groupname,
        "server": grant.server.id,
        "token": ctx.principal.token(),
        "session": session.map(|session| session.id),
        "purpose": session.map(|session| &session.description),
        "requester_type": session.map(|session| &session.requester_type),
    })
}

/// One decision for all commands: by those who would decide about each that waits. What
/// different people decide about does not share one, lest a plan choose its reviewers.
fn strictest(ctx: &Ctx, read: &[Read]) -> ApiResult<Reviewers> {
    let all: Vec<&Reviewers> = (read.iter())
        .filter_map(|read| read.reviewers.as_ref())
        .collect();
    let Some(first) = all.first() else {
        return Ok(Reviewers::usual(ctx));
    };
    if all.iter().any(|other| other.groups != first.groups) {
        return Err(ApiError::field(
            SOURCE,
            "commands",
            "Different reviewers decide about these commands; make a plan for each.",
        ));
    }
    Ok(Reviewers {
        needed: all
            .iter()
            .map(|one| one.needed)
            .max()
            .unwrap_or(first.needed),
        ..(*first).clone()
    })
}

async fn store(
    ctx: &Ctx,
    request: &CreatePlan,
    read: &[Read],
    reviewers: Reviewers,
    me: UserId,
    content: Value,
) -> ApiResult<approval_request::Model> {
    let Some(Read { grant, .. }) = read.first() else {
        return Err(ApiError::missing(SOURCE, "commands"));
    };
    let session = grant.session.as_deref();
    let description = match (request.description.trim(), session) {
        ("", Some(session)) => session.description.clone(),
        (given, _) => given.to_owned(),
    };
    let asked = NewRequest {
        id: ApprovalId::new(),
        kind: kind::COMMAND_PLAN,
        summary: format!(
            "{} commands as {}@{}",
            request.commands.len(),
            grant.username,
            grant.server.name
        ),
        description,
        content,
        requested_by: me,
        reviewers,
        server: Some(ServerId(grant.server.id)),
        work_session: session.map(|session| WorkSessionId(session.id)),
        command: None,
        ends_at: session.map(|session| session.expires_at),
    };
    let unit = ctx.begin().await?;
    let row = approvals::add(ctx, &unit, ctx.principal.actor(), asked).await?;
    for read in read {
        let id = ApprovalId(row.id);
        unit.tenant().plans().add(id, read.hash.clone()).await?;
    }
    unit.commit().await?;
    approvals::announce(ctx, &row, "pending").await;
    Ok(row)
}

/// Somebody else used a command of a plan at the same moment.
pub(super) fn spent() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "This command of the approved plan has just been run; submit it again to ask anew.",
    )
}
