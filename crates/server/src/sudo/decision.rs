//! One decision: made once, recorded, sent as often as it is asked for.

use protocol::id::SudoGrantId;
use protocol::sudo::{CONTROL, SudoDecision, SudoRequest};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::sudo_grant;
use store::sudo::NewSudoGrant;

use crate::gate::{self, SudoVerdict};
use crate::http::{AgentCtx, ApiError, ApiResult};

/// Longest request id, in bytes; plugins use 32 to 36.
const MAX_REQUEST_ID: usize = 128;
/// Longest command, in bytes.
const MAX_COMMAND: usize = 64 * 1024;
/// Longest account name, in bytes.
const MAX_NAME: usize = 256;

/// Decides about a request, or repeats what was decided.
pub(super) async fn decide(ctx: &AgentCtx, request: &SudoRequest) -> ApiResult<()> {
    check(request)?;
    let decision = match known(ctx, request).await? {
        Some(known) => repeated(request, known),
        None => {
            let verdict = gate::decide_sudo(ctx, request).await?;
            record(ctx, request, verdict).await?
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

async fn record(
    ctx: &AgentCtx,
    request: &SudoRequest,
    verdict: SudoVerdict,
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
