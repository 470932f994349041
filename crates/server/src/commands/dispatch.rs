//! Getting commands to agents, each at most once.

use std::collections::BTreeMap;

use protocol::command::{SHELL_SYSTEM, Status, phase};
use protocol::id::{CommandId, UserId, WorkSessionId};
use store::entity::{command, work_session};
use store::now;

use super::reports::announce_end;
use crate::agents::{self, Connection};
use crate::gate;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::locks::Footing;

/// What sealed environments are sealed for.
pub(super) const ENV_PURPOSE: &str = "command environment";

/// Sends a command that the database already calls delivered. One that cannot be
/// sent ends here: it must not be sent twice.
pub(crate) async fn send(
    ctx: &PublicCtx,
    row: &command::Model,
    env: BTreeMap<String, String>,
    connection: &Connection,
    session: Option<&work_session::Model>,
) {
    let ends_in = session.map(|session| {
        let left = session.expires_at - now();
        u64::try_from(left.num_milliseconds()).unwrap_or(0)
    });
    let message = agents::command_message(row, env, ends_in, connection, &ctx.app.keys.orders);
    let sent = match message {
        Ok(message) => connection.send(message),
        Err(error) => {
            tracing::error!(%error, "an order could not be made");
            false
        }
    };
    if !sent {
        fail(
            ctx,
            CommandId(row.id),
            "The agent does not take orders at the moment.",
        )
        .await;
    }
}

async fn fail(ctx: &PublicCtx, id: CommandId, reason: &str) {
    let ended: ApiResult<bool> = async {
        let unit = ctx.begin().await?;
        let commands = unit.tenant().commands();
        let ended = commands
            .end(
                id,
                Status::Error,
                Some(phase::AGENT_DISCONNECTED),
                Some(reason),
            )
            .await?;
        unit.commit().await?;
        Ok(ended)
    }
    .await;
    match ended {
        Ok(true) => announce_end(ctx, id).await,
        Ok(false) => {}
        // The clock ends it: it is delivered and will not be acknowledged.
        Err(error) => tracing::error!(detail = error.detail, "a command could not be ended"),
    }
}

/// Sends what waits for an agent that has just connected.
pub(crate) async fn deliver_waiting(ctx: PublicCtx, connection: Connection) {
    let waiting = match ctx.tenant().commands().open(Some(connection.server)).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::error!(%error, "waiting commands could not be read");
            return;
        }
    };
    for row in waiting
        .into_iter()
        .filter(|row| row.status == Status::Queued.as_str())
    {
        if let Err(error) = deliver(&ctx, &row, &connection).await {
            tracing::error!(
                detail = error.detail,
                "a waiting command could not be delivered"
            );
        }
    }
}

/// Delivers a waiting command, if its authority still stands.
pub(super) async fn deliver(
    ctx: &PublicCtx,
    row: &command::Model,
    connection: &Connection,
) -> ApiResult<()> {
    let session = match row.work_session_id {
        Some(id) => ctx.tenant().work_sessions().find(WorkSessionId(id)).await?,
        None => None,
    };
    let is_active = session.as_ref().is_some_and(|it| it.is_active(now()));
    let ended = row.work_session_id.is_some() && !is_active;
    let ended = ended.then_some("The work session ended before the command could start.");
    if let Some(reason) = ended.or_else(|| barred(ctx, row)) {
        return withdraw(ctx, row, reason).await;
    }
    let env = environment(ctx, row)?;
    let mut order = row.clone();
    if row.shell == SHELL_SYSTEM {
        // The rules may have been narrowed while it waited.
        match gate::judge_again(ctx, row, &env).await {
            Ok(judged) => {
                let guard = serde_json::to_value(&judged.guard).map_err(ApiError::internal)?;
                let changed = row.guard.as_ref() != Some(&guard);
                if changed && was_approved(ctx, row).await? {
                    let reason = "Its rules changed after a reviewer approved it; submit it again.";
                    return withdraw(ctx, row, reason).await;
                }
                order.guard = Some(guard);
            }
            Err(error) if error.status.is_server_error() => return Err(error),
            Err(refusal) => {
                let reason = format!("It may not start any more: {}", refusal.detail);
                return withdraw(ctx, row, &reason).await;
            }
        }
    }
    let unit = ctx.begin().await?;
    let commands = unit.tenant().commands();
    let ours = commands
        .deliver(CommandId(row.id), order.guard.clone())
        .await?;
    unit.commit().await?;
    if ours {
        send(ctx, &order, env, connection, session.as_ref()).await;
    }
    Ok(())
}

/// Whether a reviewer approved the command, and with it what it may start on the host.
async fn was_approved(ctx: &PublicCtx, row: &command::Model) -> ApiResult<bool> {
    let approvals = ctx.tenant().approvals();
    Ok(approvals.is_approved(CommandId(row.id)).await?)
}

/// Ends a command that was not sent.
async fn withdraw(ctx: &PublicCtx, row: &command::Model, reason: &str) -> ApiResult<()> {
    let id = CommandId(row.id);
    let unit = ctx.begin().await?;
    let commands = unit.tenant().commands();
    let ended = if row.status == Status::AwaitingApproval.as_str() {
        unit.tenant().approvals().cancel_of_command(id).await?;
        commands.refuse(id, Status::Cancelled, reason).await?
    } else {
        commands
            .end(id, Status::Cancelled, None, Some(reason))
            .await?
    };
    unit.commit().await?;
    if ended {
        announce_end(ctx, id).await;
    }
    Ok(())
}

/// The environment that a command waits with.
fn environment(ctx: &PublicCtx, row: &command::Model) -> ApiResult<BTreeMap<String, String>> {
    let Some(sealed) = &row.sealed_env else {
        return Ok(BTreeMap::new());
    };
    let plain = ctx.app.keys.sealing.open(ENV_PURPOSE, sealed);
    serde_json::from_slice(&plain.map_err(ApiError::internal)?).map_err(ApiError::internal)
}

/// Stops a command: one that waits is withdrawn, one that runs is killed by its
/// agent, which then reports the end.
pub(crate) async fn cancel(ctx: &PublicCtx, row: &command::Model, reason: &str) -> ApiResult<()> {
    let id = CommandId(row.id);
    let waiting = matches!(
        Status::parse(&row.status),
        Some(Status::Queued | Status::Scheduled | Status::AwaitingApproval)
    );
    if waiting {
        return withdraw(ctx, row, reason).await;
    }
    let server = protocol::id::ServerId(row.server_id);
    let Some(connection) = ctx.app.agents.connection(server) else {
        return Ok(());
    };
    match agents::cancel_message(id, &connection, &ctx.app.keys.orders) {
        Ok(Some(message)) => {
            if !connection.send(message) {
                tracing::warn!(command = %id, "a command could not be stopped: its agent is gone");
            }
        }
        Ok(None) => tracing::warn!(command = %id, "this agent cannot stop a running command"),
        Err(error) => return Err(ApiError::internal(error)),
    }
    Ok(())
}

/// Why a command of people and tools may neither start nor go on: something that it rests
/// on is locked, or its workspace is disabled.
pub(crate) fn barred(ctx: &PublicCtx, row: &command::Model) -> Option<&'static str> {
    if row.shell != SHELL_SYSTEM {
        return None;
    }
    if !ctx.workspace.is_enabled {
        return Some("The workspace was disabled.");
    }
    let held = ctx
        .app
        .locks
        .on(ctx.workspace_id(), &Footing::of_command(row))?;
    Some(held.cancellation())
}

/// Stops the commands that rest on something locked. One that cannot be stopped does not
/// save the others.
pub(crate) async fn stop_locked(ctx: &PublicCtx) -> ApiResult<()> {
    for row in ctx.tenant().commands().open(None).await? {
        let Some(reason) = barred(ctx, &row) else {
            continue;
        };
        if let Err(error) = cancel(ctx, &row, reason).await {
            tracing::error!(command = %row.id, detail = error.detail, "command not stopped");
        }
    }
    Ok(())
}

/// Stops the commands of a user who may not work any more. One that cannot be stopped
/// does not save the others.
pub(crate) async fn cancel_of_user(ctx: &PublicCtx, user: UserId, reason: &str) -> ApiResult<()> {
    for row in ctx.tenant().commands().open_of(user).await? {
        if let Err(error) = cancel(ctx, &row, reason).await {
            tracing::error!(command = %row.id, detail = error.detail, "command not stopped");
        }
    }
    Ok(())
}
