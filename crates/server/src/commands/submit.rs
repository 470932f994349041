//! Taking a command in.

use std::collections::BTreeMap;

use http::StatusCode;
use judge::Plan;
use protocol::code;
use protocol::command::{SHELL_SYSTEM, Status, SubmitCommand};
use protocol::id::{CommandId, PlanItemId, ServerId, WorkSessionId};
use serde_json::json;
use store::audit::AuditRecord;
use store::commands::NewCommand;
use store::entity::{command, server};
use store::now;

use super::dispatch::{self, ENV_PURPOSE};
use super::{hold, notify, plan};
use crate::agents::Connection;
use crate::gate::{self, Grant, Judged, Operation, Target};
use crate::http::{ApiError, ApiResult, Ctx};

pub(super) const SOURCE: &str = "command";
/// Longest line: well below what the kernel accepts as one argument.
const MAX_LINE: usize = 64 * 1024;
/// Environment of one command.
const MAX_ENV_NAMES: usize = 256;
const MAX_ENV_BYTES: usize = 128 * 1024;
/// Commands that must finish first.
const MAX_RUN_AFTER: usize = 32;
/// Commands that one server may have waiting and running.
const MAX_IN_FLIGHT: u64 = 4096;

/// Gate, judge, record, dispatch. The command exists, durably, when this returns.
pub(super) async fn submit(
    ctx: &Ctx,
    request: SubmitCommand,
) -> ApiResult<(command::Model, server::Model)> {
    let env = request.env.clone().unwrap_or_default();
    check_shape(&request, &env)?;
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::authorize(ctx, Operation::Command, target).await?;
    let plan = Plan::read(&request.line);
    refuse_credentials(ctx, &request, &plan).await?;
    let ruling = gate::command_ruling(ctx, &grant, &plan).await?;
    let risk = gate::risk_actions(ctx, &grant, &plan, ruling.as_ref()).await?;
    let judged = match gate::judge_command(&grant, &plan, &env, risk) {
        Ok(judged) => judged,
        Err(refusal) => {
            record_denied(ctx, &grant, &request, &refusal).await;
            return Err(refusal);
        }
    };
    check_prerequisites(ctx, &grant, &request).await?;
    gate::require_presence(ctx, Operation::Command, &grant).await?;
    let mut planned = None;
    if let Some(review) = hold::review(ctx, &judged, ruling) {
        planned = hold::planned(ctx, &grant, &judged, &request, &env, &plan).await?;
        if planned.is_none() {
            return hold::hold(ctx, grant, judged, review, request, env, &plan).await;
        }
    }
    record_and_dispatch(ctx, grant, judged, request, env, planned).await
}

pub(super) fn check_shape(
    request: &SubmitCommand,
    env: &BTreeMap<String, String>,
) -> ApiResult<()> {
    if request.server.is_nil() {
        return Err(ApiError::missing(SOURCE, "server"));
    }
    if !matches!(request.shell.as_str(), "" | SHELL_SYSTEM) {
        return Err(
            ApiError::new(StatusCode::BAD_REQUEST, "shell must be system.")
                .code(code::INVALID_CHOICE, SOURCE),
        );
    }
    if request.line.trim().is_empty() {
        return Err(ApiError::missing(SOURCE, "line"));
    }
    if request.line.len() > MAX_LINE {
        return Err(ApiError::field(
            SOURCE,
            "line",
            format!("The command line is longer than {MAX_LINE} bytes; put it in a script."),
        ));
    }
    if request.line.contains('\0') {
        return Err(ApiError::field(
            SOURCE,
            "line",
            "A command line cannot hold a NUL byte.",
        ));
    }
    let bytes: usize = env
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if env.len() > MAX_ENV_NAMES || bytes > MAX_ENV_BYTES {
        return Err(ApiError::field(
            SOURCE,
            "env",
            "The environment is too large.",
        ));
    }
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    if env
        .iter()
        .any(|(name, value)| !is_name(name) || value.contains('\0'))
    {
        return Err(ApiError::field(
            SOURCE,
            "env",
            "Names must be letters, digits and _, and values cannot hold a NUL byte.",
        ));
    }
    if request.run_after.len() > MAX_RUN_AFTER {
        return Err(ApiError::field(
            SOURCE,
            "run_after",
            "Too many commands to wait for.",
        ));
    }
    Ok(())
}

/// A line is stored and shown; a secret in it would be too. The line is not
/// repeated anywhere.
pub(super) async fn refuse_credentials(
    ctx: &Ctx,
    request: &SubmitCommand,
    plan: &Plan,
) -> ApiResult<()> {
    if request.credential_exposure_acknowledged {
        return Ok(());
    }
    let Some(finding) = judge::credential::find(plan) else {
        return Ok(());
    };
    let refusal = ApiError::new(
        StatusCode::BAD_REQUEST,
        format!(
            "The command line carries a credential ({finding}). Pass it with --env instead, \
             where it is neither stored nor shown."
        ),
    )
    .code(code::COMMAND_INLINE_CREDENTIAL, SOURCE);
    gate::record_refusal(ctx, Operation::Command, request.server, &refusal, json!({})).await;
    Err(refusal)
}

/// A refused line stays visible: in the audit trail and in the session's timeline.
async fn record_denied(ctx: &Ctx, grant: &Grant, request: &SubmitCommand, refusal: &ApiError) {
    let stored: ApiResult<()> = async {
        let unit = ctx.begin().await?;
        let commands = unit.tenant().commands();
        let row = commands
            .create(new_command(ctx, grant, request, Status::Queued))
            .await?;
        commands
            .end(
                CommandId(row.id),
                Status::Rejected,
                None,
                Some(&refusal.detail),
            )
            .await?;
        Ok(unit.commit().await?)
    }
    .await;
    if let Err(error) = stored {
        tracing::error!(
            detail = error.detail,
            "a refused command could not be stored"
        );
    }
    let data = json!({"line": request.line, "session": request.work_session});
    let server = ServerId(grant.server.id);
    gate::record_refusal(ctx, Operation::Command, server, refusal, data).await;
}

async fn check_prerequisites(ctx: &Ctx, grant: &Grant, request: &SubmitCommand) -> ApiResult<()> {
    let commands = ctx.tenant().commands();
    for id in &request.run_after {
        let known = commands
            .find(*id)
            .await?
            .is_some_and(|row| row.server_id == grant.server.id);
        if !known {
            return Err(ApiError::field(
                SOURCE,
                "run_after",
                "run_after names a command that does not exist on this server.",
            ));
        }
    }
    if commands.count_in_flight(ServerId(grant.server.id)).await? >= MAX_IN_FLIGHT {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "This server has too many commands waiting; try again when some have finished.",
        )
        .retry_after(5));
    }
    Ok(())
}

/// Seals an environment that is not needed at once.
pub(super) fn seal(ctx: &Ctx, env: &BTreeMap<String, String>) -> ApiResult<Option<Vec<u8>>> {
    if env.is_empty() {
        return Ok(None);
    }
    let plain = serde_json::to_vec(env).map_err(ApiError::internal)?;
    let sealed = ctx.app.keys.sealing.seal(ENV_PURPOSE, &plain);
    sealed.map(Some).map_err(ApiError::internal)
}

/// A command that may run, as it was judged.
pub(super) fn judged_command(
    ctx: &Ctx,
    grant: &Grant,
    request: &SubmitCommand,
    status: Status,
    judged: &Judged,
) -> ApiResult<NewCommand> {
    Ok(NewCommand {
        argv: judged.argv.clone(),
        verdict: judged.verdict.clone(),
        guard: Some(serde_json::to_value(&judged.guard).map_err(ApiError::internal)?),
        ..new_command(ctx, grant, request, status)
    })
}

fn new_command(ctx: &Ctx, grant: &Grant, request: &SubmitCommand, status: Status) -> NewCommand {
    NewCommand {
        server: ServerId(grant.server.id),
        requested_by: ctx.principal.user_id(),
        token: ctx.principal.token(),
        login: ctx.principal.login(),
        work_session: grant
            .session
            .as_ref()
            .map(|session| WorkSessionId(session.id)),
        shell: SHELL_SYSTEM,
        line: request.line.clone(),
        argv: None,
        sealed_env: None,
        data: request.data.clone(),
        username: grant.username.clone(),
        groupname: grant.groupname.clone(),
        status,
        verdict: json!({}),
        guard: None,
        run_after: request.run_after.clone(),
        scheduled_at: request.scheduled_at,
    }
}

async fn record_and_dispatch(
    ctx: &Ctx,
    grant: Grant,
    judged: Judged,
    request: SubmitCommand,
    env: BTreeMap<String, String>,
    planned: Option<PlanItemId>,
) -> ApiResult<(command::Model, server::Model)> {
    let later =
        request.scheduled_at.is_some_and(|time| time > now()) || !request.run_after.is_empty();
    let connection: Option<Connection> = if later {
        None
    } else {
        ctx.app.agents.connection(ServerId(grant.server.id))
    };
    let status = match (later, &connection) {
        (true, _) => Status::Scheduled,
        (false, Some(_)) => Status::Delivered,
        (false, None) => Status::Queued,
    };
    let mut new = judged_command(ctx, &grant, &request, status, &judged)?;
    // An order that leaves at once needs no stored environment.
    if connection.is_none() {
        new.sealed_env = seal(ctx, &env)?;
    }

    let unit = ctx.begin().await?;
    let row = unit.tenant().commands().create(new).await?;
    if let Some(item) = planned
        && !unit.tenant().plans().spend(item, CommandId(row.id)).await?
    {
        return Err(plan::spent());
    }
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "command",
        object_id: Some(row.id),
        action: "create",
        status_code: StatusCode::CREATED.as_u16(),
        description: format!("{}@{}: {}", row.username, grant.server.name, row.line),
        data: json!({
            "server": grant.server.id,
            "session": row.work_session_id,
            "token": row.token_id,
            "username": row.username,
            "groupname": row.groupname,
            "line": row.line,
            "direct": row.argv.is_some(),
            "env": env.keys().collect::<Vec<_>>(),
            "verdict": judged.verdict,
            "plan_item": planned,
            "guard": {"mode": judged.guard.mode, "depth": judged.guard.depth},
        }),
    })
    .await?;
    if judged.notify {
        notify::queue(ctx, &unit, &row, &grant.server).await?;
    }
    unit.commit().await?;
    ctx.app.metrics.decision("command", "allow");
    if judged.notify {
        ctx.app.outbound.wake();
    }

    // Durable from here on: only now may anything leave.
    if let Some(connection) = connection {
        dispatch::send(
            &ctx.public,
            &row,
            env,
            &connection,
            grant.session.as_deref(),
        )
        .await;
    }
    Ok((row, grant.server))
}
