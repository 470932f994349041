//! What time does to requests.

use std::time::Duration;

use protocol::approval::Status;
use store::audit::Actor;
use store::now;

use super::review;
use crate::app::SharedApp;
use crate::http::{ApiResult, PublicCtx};
use crate::rounds::Rounds;

const TICK: Duration = Duration::from_secs(1);

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut rounds = Rounds::new(app, TICK);
    loop {
        for ctx in rounds.next().await {
            if let Err(error) = pass(&ctx).await {
                tracing::warn!(
                    detail = error.detail,
                    "overdue requests could not be closed"
                );
            }
        }
    }
}

async fn pass(ctx: &PublicCtx) -> ApiResult<()> {
    for request in ctx.tenant().approvals().overdue(now()).await? {
        let ended = review::end(ctx, &request, Status::Expired, Actor::system()).await;
        // Somebody may have decided at the last moment.
        if let Err(error) = ended {
            tracing::debug!(request = %request.id, detail = error.detail, "request not closed");
        }
    }
    Ok(())
}
