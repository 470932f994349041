//! A command that a reviewer must approve first: it waits, whole and unchanged, and
//! runs once when it is approved.

use std::collections::BTreeMap;

use http::StatusCode;
use judge::Plan;
use protocol::approval::{Status as Asked, kind};
use protocol::code;
use protocol::command::{Status, SubmitCommand};
use protocol::id::{ApprovalId, CommandId, PlanItemId, ServerId, UserId, WorkSessionId};
use serde_json::{Value, json};
use store::audit::AuditRecord;
use store::entity::{command, server};
use store::now;

use super::dispatch::ENV_PURPOSE;
use super::submit::{SOURCE, judged_command, seal};
use crate::approvals::{self, NewRequest, Reviewers, Ruling};
use crate::gate::{Grant, Judged};
use crate::http::{ApiError, ApiResult, Ctx};

/// Why a command waits, and for whom.
pub(super) struct Review {
    reason: String,
    pub(super) reviewers: Reviewers,
}

/// What is asked of reviewers.
struct Asking {
    me: UserId,
    review: Review,
    /// Exactly what they approve.
    content: Value,
}

/// Whether a command waits: for its verdict, or because a rule about approvals says so.
pub(super) fn review(ctx: &Ctx, judged: &Judged, ruling: Option<Ruling>) -> Option<Review> {
    let held = judged.hold.clone();
    match ruling {
        Some(Ruling::Required(reviewers)) => {
            let rule = reviewers.rule.as_deref().unwrap_or_default();
            let asked = || format!("the rule {rule} asks for an approval");
            let reason = held.unwrap_or_else(asked);
            Some(Review { reason, reviewers })
        }
        Some(Ruling::NotRequired) | None => held.map(|reason| Review {
            reason,
            reviewers: Reviewers::usual(ctx),
        }),
    }
}

/// Holds a command, or finds the one that waits already: the same line, for the same
/// account, on the same server, in the same session, is the same request.
pub(super) async fn hold(
    ctx: &Ctx,
    grant: Grant,
    judged: Judged,
    review: Review,
    request: SubmitCommand,
    env: BTreeMap<String, String>,
    plan: &Plan,
) -> ApiResult<(command::Model, server::Model)> {
    let reason = &review.reason;
    let refuse = |what: &str| {
        ApiError::new(StatusCode::FORBIDDEN, format!("Refused: {reason}, {what}"))
            .code(code::COMMAND_NOT_ALLOWED, SOURCE)
    };
    let Some(me) = ctx.principal.user_id() else {
        return Err(refuse("and a service token cannot ask a reviewer."));
    };
    let content = content(ctx, &grant, &judged, &request, &env, plan)?;
    let hash = approvals::content_hash(&content);
    let standing = ctx.tenant().approvals().standing(&hash, me, now()).await?;
    if let Some(known) = standing.filter(|known| known.status == Asked::Pending.as_str())
        && let Some(id) = known.command_id
        && let Some(row) = ctx.tenant().commands().find(CommandId(id)).await?
        && row.status == Status::AwaitingApproval.as_str()
    {
        return Ok((row, grant.server));
    }
    if !approvals::could_review(ctx, Some(me), &review.reviewers).await? {
        return Err(refuse(
            "and this workspace has nobody who could approve it; an administrator can change \
             what happens at a risk: alpacon workspace access-control update",
        ));
    }
    approvals::check_room(ctx, me).await?;
    let asked = Asking {
        me,
        review,
        content,
    };
    let (row, asked) = store(ctx, &grant, judged, &request, &env, asked).await?;
    ctx.app.metrics.decision("command", "hold");
    approvals::announce(ctx, &asked, "pending").await;
    Ok((row, grant.server))
}

/// The command of an approved plan that this is, if it is one that has not run.
pub(super) async fn planned(
    ctx: &Ctx,
    grant: &Grant,
    judged: &Judged,
    request: &SubmitCommand,
    env: &BTreeMap<String, String>,
    plan: &Plan,
) -> ApiResult<Option<PlanItemId>> {
    let Some(me) = ctx.principal.user_id() else {
        return Ok(None);
    };
    let content = content(ctx, grant, judged, request, env, plan)?;
    let hash = approvals::content_hash(&content);
    Ok(ctx.tenant().plans().standing(&hash, me, now()).await?)
}

/// What a reviewer sees and approves. Values of the environment may be secrets: only
/// their fingerprint is part of it.
pub(super) fn content(
    ctx: &Ctx,
    grant: &Grant,
    judged: &Judged,
    request: &SubmitCommand,
    env: &BTreeMap<String, String>,
    plan: &Plan,
) -> ApiResult<Value> {
    let commands: Vec<String> = plan
        .commands
        .iter()
        .map(judge::SimpleCommand::canonical)
        .collect();
    let values = serde_json::to_vec(env).map_err(ApiError::internal)?;
    Ok(json!({
        "line": request.line,
        "plan": commands,
        "risk": judge::risk::of(plan),
        "flags": judged.verdict.pointer("/reading/flags"),
        // What it may start on the host is approved with it.
        "guard": judged.guard,
        "username": grant.username,
        "groupname": grant.groupname,
        "server": grant.server.id,
        "env": env.keys().collect::<Vec<_>>(),
        "env_digest": ctx.app.keys.sealing.fingerprint(ENV_PURPOSE, &values),
        "data": request.data,
        "scheduled_at": request.scheduled_at,
        "run_after": request.run_after,
        "token": ctx.principal.token(),
        "session": grant.session.as_ref().map(|session| session.id),
        "purpose": grant.session.as_ref().map(|session| &session.description),
        "requester_type": grant.session.as_ref().map(|session| &session.requester_type),
    }))
}

async fn store(
    ctx: &Ctx,
    grant: &Grant,
    judged: Judged,
    request: &SubmitCommand,
    env: &BTreeMap<String, String>,
    asking: Asking,
) -> ApiResult<(command::Model, store::entity::approval_request::Model)> {
    let mut new = judged_command(ctx, grant, request, Status::AwaitingApproval, &judged)?;
    new.sealed_env = seal(ctx, env)?;
    let unit = ctx.begin().await?;
    let row = unit.tenant().commands().create(new).await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "command",
        object_id: Some(row.id),
        action: "hold",
        status_code: StatusCode::CREATED.as_u16(),
        description: format!("{}@{} waits: {}", row.username, grant.server.name, row.line),
        data: json!({
            "server": grant.server.id,
            "session": row.work_session_id,
            "line": row.line,
            "verdict": judged.verdict,
            "reason": asking.review.reason,
        }),
    })
    .await?;
    let session = grant.session.as_deref();
    let asked = NewRequest {
        id: ApprovalId::new(),
        kind: kind::COMMAND,
        summary: format!("{}@{}: {}", row.username, grant.server.name, row.line),
        description: session.map_or_else(String::new, |session| session.description.clone()),
        content: asking.content,
        requested_by: asking.me,
        reviewers: asking.review.reviewers,
        server: Some(ServerId(grant.server.id)),
        work_session: session.map(|session| WorkSessionId(session.id)),
        command: Some(CommandId(row.id)),
        ends_at: session.map(|session| session.expires_at),
    };
    let asked = approvals::add(ctx, &unit, ctx.principal.actor(), asked).await?;
    unit.commit().await?;
    Ok((row, asked))
}
