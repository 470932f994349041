//! What time does to commands: schedules fall due, silent agents are given up on,
//! ended authority stops work.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use protocol::command::{SHELL_SYSTEM, Status, phase};
use protocol::id::{CommandId, ServerId, WorkSessionId};
use protocol::work_session;
use store::entity::command;
use store::now;
use uuid::Uuid;

use super::reports::{announce_end, finish_if_complete};
use super::{dispatch, token_end};
use crate::app::SharedApp;
use crate::http::{ApiResult, PublicCtx};
use crate::rounds::Rounds;
use crate::transfers;

const TICK: Duration = Duration::from_secs(1);
/// How long the output of an ended command may trail behind its end.
const OUTPUT_PATIENCE: TimeDelta = TimeDelta::seconds(2);

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut rounds = Rounds::new(app.clone(), TICK);
    loop {
        let round = rounds.next().await;
        app.feeds.sweep();
        for ctx in round {
            if let Err(error) = pass(&ctx).await {
                tracing::warn!(detail = error.detail, "open commands could not be checked");
            }
        }
    }
}

async fn pass(ctx: &PublicCtx) -> ApiResult<()> {
    let rows = ctx.tenant().commands().open(None).await?;
    let inactive = inactive_requesters(ctx, &rows).await?;
    let without_token = token_end::without_token(ctx, &rows).await?;
    for row in rows {
        let is_inactive = row
            .requested_by
            .is_some_and(|user| inactive.contains(&user));
        let barred = match (is_inactive, without_token.contains(&row.id)) {
            (true, _) => Some("The user's account was locked."),
            (false, true) => Some("The token was withdrawn."),
            (false, false) => dispatch::barred(ctx, &row),
        };
        if let Err(error) = check(ctx, &row, barred, now()).await {
            tracing::warn!(command = %row.id, detail = error.detail, "a command could not be checked");
        }
    }
    Ok(())
}

/// Who asked for one of these commands and may not work any more.
async fn inactive_requesters(ctx: &PublicCtx, rows: &[command::Model]) -> ApiResult<HashSet<Uuid>> {
    let mut users: HashSet<Uuid> = rows.iter().filter_map(|row| row.requested_by).collect();
    if users.is_empty() {
        return Ok(users);
    }
    let known = ctx
        .tenant()
        .identity()
        .users_by_id(users.iter().copied())
        .await?;
    for user in known.iter().filter(|user| user.is_active) {
        users.remove(&user.id);
    }
    Ok(users)
}

async fn check(
    ctx: &PublicCtx,
    row: &command::Model,
    barred: Option<&'static str>,
    time: DateTime<Utc>,
) -> ApiResult<()> {
    let id = CommandId(row.id);
    if let Some(reported) = row.reported_at {
        if time - reported < OUTPUT_PATIENCE {
            return Ok(());
        }
        let unit = ctx.begin().await?;
        let finished = finish_if_complete(ctx, &unit, id, true).await?;
        unit.commit().await?;
        if finished {
            announce_end(ctx, id).await;
        }
        return Ok(());
    }
    let barred = barred.filter(|_| is_users_work(row));
    if let Some(reason) = barred
        && row.delivered_at.is_none()
    {
        // Before a schedule or a connection lets it start.
        return dispatch::cancel(ctx, row, reason).await;
    }
    if row.status == Status::Scheduled.as_str() {
        return start_if_due(ctx, row, time).await;
    }
    if let Some((status, phase)) = given_up(ctx, row, time) {
        let unit = ctx.begin().await?;
        let ended = unit
            .tenant()
            .commands()
            .end(id, status, Some(phase), None)
            .await?;
        unit.commit().await?;
        if ended {
            announce_end(ctx, id).await;
        }
        return Ok(());
    }
    if let Some(reason) = barred {
        return dispatch::cancel(ctx, row, reason).await;
    }
    if is_users_work(row) && authority_ended(ctx, row).await? {
        dispatch::cancel(ctx, row, "The work session ended.").await?;
    }
    Ok(())
}

/// Whether a user works through it. Everything else is the control plane's own.
fn is_users_work(row: &command::Model) -> bool {
    row.shell == SHELL_SYSTEM || transfers::is_order(row)
}

/// The outcome of a command whose agent has been silent for too long.
fn given_up(
    ctx: &PublicCtx,
    row: &command::Model,
    time: DateTime<Utc>,
) -> Option<(Status, &'static str)> {
    let limits = &ctx.app.config.commands;
    let connected = ctx.app.agents.connection(ServerId(row.server_id)).is_some();
    match (row.acked_at, row.delivered_at) {
        (Some(acked), _) => {
            let limit = if connected {
                limits.result_timeout()
            } else {
                limits.agent_gone_after()
            };
            let since = if connected {
                acked
            } else {
                row_last_seen(ctx, row).max(acked)
            };
            (time - since > limit).then_some((Status::Stuck, phase::AGENT_TIMEOUT))
        }
        (None, Some(delivered)) => (time - delivered > limits.ack_timeout())
            .then_some((Status::Stuck, phase::AGENT_DISCONNECTED)),
        (None, None) => (time - row.scheduled_at.unwrap_or(row.added_at).max(row.added_at)
            > limits.queue_timeout())
        .then_some((Status::Stuck, phase::AGENT_DISCONNECTED)),
    }
}

/// When the agent of a command was last on line, as far as this node knows.
fn row_last_seen(ctx: &PublicCtx, row: &command::Model) -> DateTime<Utc> {
    ctx.app
        .agents
        .last_seen(ServerId(row.server_id))
        .unwrap_or(ctx.app.started_at)
}

async fn start_if_due(ctx: &PublicCtx, row: &command::Model, time: DateTime<Utc>) -> ApiResult<()> {
    if row.scheduled_at.is_some_and(|scheduled| scheduled > time) {
        return Ok(());
    }
    let after: Vec<CommandId> = serde_json::from_value(row.run_after.clone()).unwrap_or_default();
    for id in after {
        let done = ctx
            .tenant()
            .commands()
            .find(id)
            .await?
            .is_none_or(|earlier| Status::parse(&earlier.status).is_none_or(Status::is_final));
        if !done {
            return Ok(());
        }
    }
    match ctx.app.agents.connection(ServerId(row.server_id)) {
        Some(connection) => dispatch::deliver(ctx, row, &connection).await,
        None => {
            let unit = ctx.begin().await?;
            unit.tenant().commands().queue(CommandId(row.id)).await?;
            unit.commit().await.map_err(Into::into)
        }
    }
}

async fn authority_ended(ctx: &PublicCtx, row: &command::Model) -> ApiResult<bool> {
    let Some(id) = row.work_session_id else {
        return Ok(false);
    };
    let session = ctx.tenant().work_sessions().find(WorkSessionId(id)).await?;
    Ok(session.is_none_or(|session| session.status != work_session::Status::Active.as_str()))
}
