//! Programs that wait for an answer, of the whole workspace.

use protocol::guard::HeldProgram;
use protocol::id::{CommandId, ServerId, WorkSessionId};
use store::entity::{command, exec_event};

use super::view::program;
use crate::http::{ApiResult, PublicCtx};
use crate::identity::summary::Summaries;

/// Programs shown at once; those of one session are bounded already.
const SHOWN: u64 = 200;

/// Those that wait, oldest first.
pub(crate) async fn held(ctx: &PublicCtx) -> ApiResult<Vec<HeldProgram>> {
    let rows = ctx.tenant().programs().held(SHOWN).await?;
    let users = rows.iter().filter_map(|(command, _)| command.requested_by);
    let servers = rows.iter().map(|(command, _)| command.server_id);
    let summaries = Summaries::read(ctx, users, servers).await?;
    let one = |(command, event): &(command::Model, exec_event::Model)| {
        describe(command, event, &summaries)
    };
    Ok(rows.iter().map(one).collect())
}

/// One program, whether it waits or not.
pub(super) async fn find(
    ctx: &PublicCtx,
    id: CommandId,
    seq: i64,
) -> ApiResult<Option<(command::Model, HeldProgram)>> {
    let Some(command) = ctx.tenant().commands().find(id).await? else {
        return Ok(None);
    };
    let Some(event) = ctx.tenant().programs().find(id, seq).await? else {
        return Ok(None);
    };
    let summaries = Summaries::read(ctx, command.requested_by, [command.server_id]).await?;
    let shown = describe(&command, &event, &summaries);
    Ok(Some((command, shown)))
}

fn describe(
    command: &command::Model,
    event: &exec_event::Model,
    summaries: &Summaries,
) -> HeldProgram {
    HeldProgram {
        command: CommandId(command.id),
        line: command.line.clone(),
        username: command.username.clone(),
        server: summaries.server(ServerId(command.server_id).0),
        requested_by: summaries.user(command.requested_by),
        work_session: command.work_session_id.map(WorkSessionId),
        program: program(event),
    }
}
