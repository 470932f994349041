//! What time does to sessions: scheduled ones start, open ones expire, without
//! anybody asking.

use std::time::Duration;

use protocol::work_session::Status;
use store::audit::Actor;
use store::now;

use super::lifecycle::{Transition, carry_out};
use crate::app::SharedApp;
use crate::http::{ApiResult, PublicCtx};
use crate::rounds::Rounds;

/// The gate goes by the clock itself; this only moves the state after it.
const TICK: Duration = Duration::from_millis(500);

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut rounds = Rounds::new(app, TICK);
    loop {
        for ctx in rounds.next().await {
            if let Err(error) = pass(&ctx).await {
                tracing::warn!(
                    detail = error.detail,
                    "due work sessions could not be moved"
                );
            }
        }
    }
}

async fn pass(ctx: &PublicCtx) -> ApiResult<()> {
    let time = now();
    for row in ctx.tenant().work_sessions().due(time).await? {
        let transition = match Status::parse(&row.status) {
            _ if row.expires_at <= time => Transition::Expire,
            Some(Status::Approved) => Transition::Activate,
            _ => continue,
        };
        let moved = carry_out(ctx, &row, transition, Actor::system(), String::new()).await;
        // Somebody else may have moved it first.
        if let Err(error) = moved {
            tracing::debug!(session = %row.id, detail = error.detail, "session not moved");
        }
    }
    Ok(())
}
