//! One decision: made once, recorded, sent as often as it is asked for.

use chrono::TimeDelta;
use protocol::approval::{Status, kind};
use protocol::id::{ApprovalId, SudoGrantId, UserId, WorkSessionId};
use protocol::sudo::{
    APPROVAL_REQUIRED, CONTROL, NO_POLICY, RISK_DENIED, SudoDecision, SudoRequest,
};
use protocol::work_session::REQUESTER_USER;
use serde_json::{Value, json};
use store::audit::AuditRecord;
use store::entity::{sudo_grant, work_session};
use store::now;
use store::sudo::NewSudoGrant;

use crate::approvals::{self, NewRequest, Reviewers};
use crate::gate::{self, SudoVerdict};
use crate::http::{AgentCtx, ApiError, ApiResult};
use crate::workspace::Facts;

/// Longest request id, in bytes; plugins use 32 to 36.
const MAX_REQUEST_ID: usize = 128;
/// Longest command, in bytes.
const MAX_COMMAND: usize = 64 * 1024;
/// Longest account name, in bytes.
const MAX_NAME: usize = 256;

/// How long a reviewer's refusal answers for them: callers that wait ask again and again.
const REFUSAL_HOLDS: TimeDelta = TimeDelta::minutes(15);

/// Decides about a request, or repeats what was decided.
pub(super) async fn decide(ctx: &AgentCtx, request: &SudoRequest) -> ApiResult<()> {
    check(request)?;
    let decision = match known(ctx, request).await? {
        Some(known) => repeated(request, known),
        None => {
            let verdict = gate::decide_sudo(ctx, request).await?;
            let (verdict, approval) = reviewed(ctx, request, verdict).await?;
            record(ctx, request, verdict, approval).await?
        }
    };
    send(ctx, &decision)
}

fn check(request: &SudoRequest) -> ApiResult<()> {
    let texts = [
        &request.call.username,
        &request.call.groupname,
        &request.run_as,
    ];
    let id = request.call.request_id.len();
    if id == 0 || id > MAX_REQUEST_ID {
        return Err(ApiError::field(
            "sudo",
            "request_id",
            format!("request_id must have 1 to {MAX_REQUEST_ID} bytes."),
        ));
    }
    if request.call.command.is_empty() || request.call.command.len() > MAX_COMMAND {
        return Err(ApiError::field(
            "sudo",
            "command",
            format!("command must have 1 to {MAX_COMMAND} bytes."),
        ));
    }
    if texts.iter().any(|text| text.len() > MAX_NAME) {
        return Err(ApiError::invalid("sudo", "An account name is too long."));
    }
    let words = request.argv.iter().chain(texts);
    if words
        .chain([&request.call.command, &request.call.request_id])
        .any(|text| text.contains('\0'))
    {
        return Err(ApiError::invalid(
            "sudo",
            "The request holds a NUL character.",
        ));
    }
    Ok(())
}

async fn known(ctx: &AgentCtx, request: &SudoRequest) -> ApiResult<Option<sudo_grant::Model>> {
    let sudo = ctx.tenant().sudo();
    let found = sudo
        .decided(ctx.server_id(), &request.call.request_id)
        .await?;
    match found {
        // An id that comes again for something else is not the same request.
        Some(row) if row.command != request.call.command => Err(ApiError::field(
            "sudo",
            "request_id",
            "This request_id belongs to another request.",
        )),
        found => Ok(found),
    }
}

/// Asks a reviewer where one could allow it, or finds what they said: an approval for
/// exactly this command, to be spent.
async fn reviewed(
    ctx: &AgentCtx,
    request: &SudoRequest,
    mut verdict: SudoVerdict,
) -> ApiResult<(SudoVerdict, Option<ApprovalId>)> {
    let (Some(user), Some(APPROVAL_REQUIRED)) = (verdict.user, verdict.denied) else {
        return Ok((verdict, None));
    };
    let content = json!({
        "command": request.call.command,
        "argv": request.argv,
        "run_as": request.run_as,
        "username": request.call.username,
        "server": ctx.server.id,
        "session": verdict.work_session,
    });
    let hash = approvals::content_hash(&content);
    let standing = ctx
        .tenant()
        .approvals()
        .standing(&hash, user, now())
        .await?;
    match standing {
        Some(known) if known.status == Status::Approved.as_str() => {
            verdict.denied = None;
            verdict.basis = "approval";
            verdict.reason = "Approved by a reviewer".to_owned();
            return Ok((verdict, Some(ApprovalId(known.id))));
        }
        Some(_) => return Ok((verdict, None)),
        None => {}
    }
    let since = now() - REFUSAL_HOLDS;
    let approvals = ctx.tenant().approvals();
    if let Some(refused) = approvals.refused_since(&hash, user, since).await? {
        verdict.denied = Some(RISK_DENIED);
        verdict.reason = format!("A reviewer refused it: {}", refused.reason);
        return Ok((verdict, None));
    }
    let session = match verdict.work_session {
        Some(id) => ctx.tenant().work_sessions().find(id).await?,
        None => None,
    };
    let reviewers = reviewers(ctx, session.as_ref()).await?;
    if !approvals::could_review(ctx, Some(user), &reviewers).await? {
        verdict.denied = Some(NO_POLICY);
        return Ok((verdict, None));
    }
    ask(ctx, request, session, reviewers, user, content).await?;
    Ok((verdict, None))
}

/// Who decides about calls of sudo in a session: a rule about the scope may say.
async fn reviewers(ctx: &AgentCtx, session: Option<&work_session::Model>) -> ApiResult<Reviewers> {
    let scopes = ["sudo".to_owned()];
    let facts = Facts {
        requester_type: session.map_or(REQUESTER_USER, |session| session.requester_type.as_str()),
        scopes: &scopes,
        servers: vec![&ctx.server.tags],
        risk: None,
    };
    approvals::reviewers(ctx, &facts).await
}

async fn ask(
    ctx: &AgentCtx,
    request: &SudoRequest,
    session: Option<work_session::Model>,
    reviewers: Reviewers,
    user: UserId,
    content: Value,
) -> ApiResult<()> {
    approvals::check_room(ctx, user).await?;
    let asked = NewRequest {
        id: ApprovalId::new(),
        kind: kind::SUDO,
        summary: format!(
            "sudo of {} on {}: {}",
            request.call.username, ctx.server.name, request.call.command
        ),
        description: session
            .as_ref()
            .map_or_else(String::new, |session| session.description.clone()),
        content,
        requested_by: user,
        reviewers,
        server: Some(ctx.server_id()),
        work_session: session.as_ref().map(|session| WorkSessionId(session.id)),
        command: None,
        ends_at: session.map(|session| session.expires_at),
    };
    let unit = ctx.begin().await?;
    let asked = approvals::add(ctx, &unit, ctx.actor(), asked).await?;
    unit.commit().await?;
    approvals::announce(ctx, &asked, "pending").await;
    Ok(())
}

async fn record(
    ctx: &AgentCtx,
    request: &SudoRequest,
    verdict: SudoVerdict,
    approval: Option<ApprovalId>,
) -> ApiResult<SudoDecision> {
    let approved = verdict.denied.is_none();
    ctx.app
        .metrics
        .decision("sudo", verdict.denied.unwrap_or("allowed"));
    let action = if approved { "allow" } else { "deny" };
    let grant = NewSudoGrant {
        server: ctx.server_id(),
        request_id: request.call.request_id.clone(),
        command_id: verdict.command,
        work_session: verdict.work_session,
        user: verdict.user,
        username: request.call.username.clone(),
        run_as: request.run_as.clone(),
        command: request.call.command.clone(),
        grant_type: verdict.basis,
        approved,
        error_code: verdict.denied,
        reason: verdict.reason.clone(),
    };
    let unit = ctx.begin().await?;
    if let Some(approval) = approval
        && !unit.tenant().approvals().spend(approval).await?
    {
        // Another call just spent it. The host asks again and finds none.
        return Err(ApiError::new(
            http::StatusCode::CONFLICT,
            "The approval has been used.",
        ));
    }
    let id = unit.tenant().sudo().add(grant).await?;
    let Some(SudoGrantId(id)) = id else {
        // Two attempts of one request met: the first one's answer is the answer.
        drop(unit);
        let first = known(ctx, request).await?;
        let first = first.ok_or_else(|| ApiError::internal("a sudo decision vanished"))?;
        return Ok(repeated(request, first));
    };
    unit.audit(AuditRecord {
        actor: ctx.actor(),
        ip: ctx.ip.to_string(),
        app: "sudo",
        model: "sudo_grant",
        object_id: Some(id),
        action,
        status_code: if approved { 200 } else { 403 },
        description: format!(
            "sudo of {} on {}: {}",
            request.call.username, ctx.server.name, verdict.reason
        ),
        data: json!({
            "server": ctx.server.id,
            "command_id": verdict.command,
            "work_session": verdict.work_session,
            "user": verdict.user,
            "username": request.call.username,
            "run_as": request.run_as,
            "command": request.call.command,
            "argv": request.argv,
            "basis": verdict.basis,
            "code": verdict.denied,
            "approval": approval,
        }),
    })
    .await?;
    unit.commit().await?;
    Ok(SudoDecision {
        error_code: verdict.denied.map(str::to_owned),
        ..SudoDecision::about(request.call.clone(), approved, &verdict.reason)
    })
}

fn repeated(request: &SudoRequest, row: sudo_grant::Model) -> SudoDecision {
    SudoDecision {
        error_code: row.error_code,
        ..SudoDecision::about(request.call.clone(), row.approved, &row.reason)
    }
}

fn send(ctx: &AgentCtx, decision: &SudoDecision) -> ApiResult<()> {
    let message = json!({"query": CONTROL, "data": decision});
    let text = serde_json::to_string(&message)
        .map_err(|_| ApiError::internal("a sudo decision cannot be written"))?;
    ctx.app.agents.send_control(ctx.server_id(), text.into());
    Ok(())
}
