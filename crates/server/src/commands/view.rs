//! Commands as callers see them, and which ones.

use mask::PLACEHOLDER;
use protocol::command::{Command, Status, SubmittedCommand};
use protocol::iam::UserSummary;
use protocol::id::{CommandId, ServerId, WorkSessionId};
use protocol::server::ServerSummary;
use store::entity::{command, server};
use store::masking::RESULT;

use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::{Summaries, server_summary, user_summary};
use crate::masking::Originals;

/// A command the caller may see: one's own; for staff, any on a visible server.
pub(crate) async fn visible(ctx: &Ctx, id: CommandId) -> ApiResult<command::Model> {
    let row = ctx
        .tenant()
        .commands()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    if may_see(ctx, &row).await? {
        Ok(row)
    } else {
        Err(ApiError::not_found())
    }
}

async fn may_see(ctx: &Ctx, row: &command::Model) -> ApiResult<bool> {
    if ctx.principal.is_superuser() {
        return Ok(true);
    }
    let own = match ctx.principal.user_id() {
        Some(user) => row.requested_by == Some(user.0),
        None => row.token_id == ctx.principal.token().map(|token| token.0),
    };
    if own {
        return Ok(true);
    }
    if !ctx.principal.is_staff() {
        return Ok(false);
    }
    let server = ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), ServerId(row.server_id))
        .await?;
    Ok(server.is_some())
}

/// Commands with what they refer to.
pub(super) async fn commands(ctx: &Ctx, rows: &[command::Model]) -> ApiResult<Vec<Command>> {
    let users = rows.iter().filter_map(|row| row.requested_by);
    let servers = rows.iter().map(|row| row.server_id);
    let summaries = Summaries::read(ctx, users, servers).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let server = summaries.server(row.server_id);
            detail(row, server, summaries.user(row.requested_by))
        })
        .collect())
}

/// The command with its result as it was, where the caller may read that.
pub(super) async fn unmasked(ctx: &Ctx, mut row: command::Model) -> ApiResult<command::Model> {
    if row.result.contains(PLACEHOLDER) {
        let originals = Originals::for_caller(ctx, &row, RESULT, RESULT).await?;
        row.result = originals.of(RESULT, row.result);
    }
    Ok(row)
}

pub(super) async fn command(ctx: &Ctx, row: &command::Model) -> ApiResult<Command> {
    let summaries = Summaries::read(ctx, row.requested_by, [row.server_id]).await?;
    Ok(detail(
        row,
        summaries.server(row.server_id),
        summaries.user(row.requested_by),
    ))
}

/// A command with what it refers to at hand.
pub(super) fn detail(
    row: &command::Model,
    server: ServerSummary,
    requested_by: Option<UserSummary>,
) -> Command {
    let status = Status::parse(&row.status);
    let delay = row
        .acked_at
        .zip(row.delivered_at)
        .map_or(0.0, |(acked, delivered)| {
            (acked - delivered).as_seconds_f64()
        });
    Command {
        id: CommandId(row.id),
        shell: row.shell.clone(),
        line: row.line.clone(),
        status: row.status.clone(),
        // Reported but not final yet: the outcome waits for the output.
        success: row.success.filter(|_| status.is_none_or(Status::is_final)),
        exit_code: row.exit_code,
        error_phase: row.error_phase.clone(),
        result: row.result.clone(),
        cancellable: status.is_some_and(|status| !status.is_final()),
        response_delay: delay,
        elapsed_time: row.elapsed_time,
        added_at: Some(row.added_at),
        scheduled_at: row.scheduled_at,
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        server,
        requested_by,
        work_session: row.work_session_id.map(WorkSessionId),
        approval_request_id: None,
        // Nothing is claimed that the agent has not.
        enforcement: Some(row.enforcement.clone().unwrap_or_else(|| "none".to_owned())),
    }
}

/// The answer to a submission by the caller to `server`. Everything it shows is
/// at hand, so it costs no query.
pub(super) fn submitted_by(
    ctx: &Ctx,
    row: &command::Model,
    server: &server::Model,
) -> SubmittedCommand {
    let requested_by = ctx.principal.user().map(user_summary);
    submission(row, server_summary(server, None), requested_by)
}

/// The same for a command that the caller did not just submit.
pub(crate) async fn submitted(ctx: &Ctx, row: &command::Model) -> ApiResult<SubmittedCommand> {
    let summaries = Summaries::read(ctx, row.requested_by, [row.server_id]).await?;
    Ok(submission(
        row,
        summaries.server(row.server_id),
        summaries.user(row.requested_by),
    ))
}

fn submission(
    row: &command::Model,
    server: ServerSummary,
    requested_by: Option<UserSummary>,
) -> SubmittedCommand {
    SubmittedCommand {
        id: CommandId(row.id),
        shell: row.shell.clone(),
        line: row.line.clone(),
        data: row.data.clone(),
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        added_at: Some(row.added_at),
        scheduled_at: row.scheduled_at,
        server,
        requested_by,
        run_after: serde_json::from_value(row.run_after.clone()).unwrap_or_default(),
    }
}
