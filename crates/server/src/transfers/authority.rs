//! Ended authority cuts transfers: a lock, a session that ended, a token or a user
//! that may not work any more, a server that is gone or out of sight.

use protocol::id::{CommandId, TransferId};
use store::audit::Actor;
use store::entity::transfer;
use store::transfers::Outcome;

use super::finish::finish;
use crate::commands::dispatch;
use crate::gate::{Operation, Standing};
use crate::http::{ApiResult, PublicCtx};
use crate::locks::Footing;

/// For people.
pub(super) const ENDED: &str = "permission denied: the authority behind the transfer ended";

/// Whether a transfer may go on, or what it left may still be read.
pub(super) async fn stands(
    ctx: &PublicCtx,
    row: &transfer::Model,
    standing: &mut Standing,
) -> bool {
    let footing = Footing::of_transfer(row);
    let workspace = ctx.workspace_id();
    standing
        .of(&ctx.app, workspace, Operation::Webftp, footing)
        .await
}

/// Cuts off whoever writes or reads the content.
pub(super) fn cut_off(ctx: &PublicCtx, row: &transfer::Model) {
    ctx.app.objects.revoke(TransferId(row.transfer_id), ENDED);
}

/// Ends a transfer, in the store and on the host. The agent puts nothing in place that
/// it has not read whole.
pub(super) async fn cut(ctx: &PublicCtx, row: &transfer::Model) -> ApiResult<()> {
    cut_off(ctx, row);
    if row.success.is_some() {
        return Ok(());
    }
    let command = match row.command_id {
        Some(id) => ctx.tenant().commands().find(CommandId(id)).await?,
        None => None,
    };
    if let Some(command) = command {
        dispatch::cancel(ctx, &command, ENDED).await?;
    }
    let outcome = Outcome {
        success: false,
        message: ENDED.to_owned(),
        final_path: None,
    };
    finish(ctx, row, outcome, Actor::system()).await
}
