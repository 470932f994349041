//! What time does to requests.

use std::time::Duration;

use protocol::approval::Status;
use store::audit::Actor;
use store::now;
use tokio::time::{MissedTickBehavior, interval};

use super::review;
use crate::app::SharedApp;
use crate::http::{ApiResult, PublicCtx};

const TICK: Duration = Duration::from_secs(1);

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for workspace in app.workspaces.all() {
            let ctx = PublicCtx::internal(app.clone(), workspace);
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
