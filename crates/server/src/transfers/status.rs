//! Whether a transfer has ended.

use std::time::Duration;

use protocol::id::TransferId;
use protocol::transfer::{Direction, TransferStatus};
use store::entity::transfer;
use store::now;

use super::clock;
use super::view;
use crate::http::{ApiResult, Ctx};

/// Longest wait for an end.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(30);
/// In between, the state is read again: its end may be found by the clock.
const LOOK: Duration = Duration::from_secs(1);

/// The status now, or when the transfer ended, but at most after `wait`.
pub(super) async fn status(
    ctx: &Ctx,
    id: TransferId,
    direction: Direction,
    wait: Duration,
) -> ApiResult<TransferStatus> {
    let deadline = tokio::time::Instant::now() + wait;
    let mut wakes = ctx.app.transfer_feeds.listen(id);
    loop {
        let row = view::own(ctx, id, direction).await?;
        let row = match row.success {
            Some(_) => row,
            None => {
                clock::end_if_over(ctx, &row, now()).await?;
                view::own(ctx, id, direction).await?
            }
        };
        if row.success.is_some() || tokio::time::Instant::now() >= deadline {
            return Ok(view_of(row));
        }
        let look = (tokio::time::Instant::now() + LOOK).min(deadline);
        tokio::select! {
            () = ctx.app.shutdown.cancelled() => return Ok(view_of(row)),
            _ = wakes.changed() => {}
            () = tokio::time::sleep_until(look) => {}
        }
    }
}

fn view_of(row: transfer::Model) -> TransferStatus {
    let stored = row.stored;
    TransferStatus {
        success: row.success,
        message: row.message,
        size: stored.then_some(row.size),
        sha256: row.sha256.filter(|_| stored),
        path: row.final_path,
    }
}
