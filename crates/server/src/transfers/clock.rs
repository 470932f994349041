//! What time does to transfers: commands that ended without a report, links that
//! expired, content that is not needed any more.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use protocol::command::Status;
use protocol::id::{CommandId, TransferId};
use store::audit::Actor;
use store::entity::{command, transfer};
use store::now;
use store::transfers::Outcome;

use super::authority;
use super::finish::{clean, finish};
use crate::app::SharedApp;
use crate::gate::Standing;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::rounds::Rounds;

const TICK: Duration = Duration::from_millis(500);
/// A report may trail behind the end of its command for this long.
const REPORT_PATIENCE: TimeDelta = TimeDelta::seconds(5);
/// What was read stays for a reader that was cut off and does not know it.
const AFTER_FETCH: TimeDelta = TimeDelta::seconds(120);
/// Transfers read at once.
const BATCH: u64 = 500;

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut rounds = Rounds::new(app.clone(), TICK);
    loop {
        let round = rounds.next().await;
        app.transfer_feeds.sweep();
        for ctx in round {
            if let Err(error) = pass(&ctx).await {
                tracing::warn!(detail = error.detail, "transfers could not be checked");
            }
        }
    }
}

async fn pass(ctx: &PublicCtx) -> ApiResult<()> {
    let mut after = 0;
    let mut standing = Standing::default();
    loop {
        let rows = ctx.tenant().transfers().open(after, BATCH).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        // All are cut off before any is recorded, which takes its time.
        for row in &rows {
            if !authority::stands(ctx, row, &mut standing).await {
                authority::cut_off(ctx, row);
            }
        }
        for row in &rows {
            if let Err(error) = check(ctx, row, &mut standing, now()).await {
                tracing::warn!(transfer = %row.transfer_id, detail = error.detail, "not checked");
            }
        }
    }
}

async fn check(
    ctx: &PublicCtx,
    row: &transfer::Model,
    standing: &mut Standing,
    time: DateTime<Utc>,
) -> ApiResult<()> {
    let stands = authority::stands(ctx, row, standing).await;
    if !stands {
        authority::cut(ctx, row).await?;
    } else if row.success.is_none() {
        return end_if_over(ctx, row, time).await;
    }
    let still_wanted = stands
        && row.direction == "download"
        && row.success == Some(true)
        && time < row.expires_at
        && row.fetched_at.is_none_or(|read| time - read < AFTER_FETCH);
    if still_wanted {
        return Ok(());
    }
    let id = TransferId(row.transfer_id);
    ctx.app
        .objects
        .remove(ctx.workspace_id(), id)
        .await
        .map_err(ApiError::internal)?;
    let unit = ctx.begin().await?;
    unit.tenant().transfers().removed(id).await?;
    Ok(unit.commit().await?)
}

/// Ends a transfer whose command ended, or whose time is over.
pub(super) async fn end_if_over(
    ctx: &PublicCtx,
    row: &transfer::Model,
    time: DateTime<Utc>,
) -> ApiResult<()> {
    let command = match row.command_id {
        Some(id) => ctx.tenant().commands().find(CommandId(id)).await?,
        None => None,
    };
    let failed = |message: String| Outcome {
        success: false,
        message,
        final_path: None,
    };
    let outcome = match command {
        Some(command) => match ended(&command, time) {
            Some(Ok(())) if row.stored => Outcome {
                success: true,
                message: clean(&command.result),
                final_path: None,
            },
            Some(Ok(())) => failed("The content never was in the store.".to_owned()),
            Some(Err(reason)) => failed(clean(&reason)),
            None if time > row.expires_at => {
                failed("The transfer took longer than its links hold.".to_owned())
            }
            None => return Ok(()),
        },
        None if time > row.expires_at => {
            failed("The transfer expired before its content arrived.".to_owned())
        }
        None => return Ok(()),
    };
    finish(ctx, row, outcome, Actor::system()).await
}

/// How a command ended, if it did. A successful one may still be reported on.
fn ended(command: &command::Model, time: DateTime<Utc>) -> Option<Result<(), String>> {
    let status = Status::parse(&command.status)?;
    if !status.is_final() {
        return None;
    }
    if command.success == Some(true) {
        let finished = command.finished_at.unwrap_or(command.added_at);
        return (time - finished > REPORT_PATIENCE).then_some(Ok(()));
    }
    Some(Err(match command.result.trim() {
        "" => format!("The agent did not carry it out: {}.", command.status),
        reason => reason.to_owned(),
    }))
}
