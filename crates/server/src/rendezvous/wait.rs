//! Waiting for both sides.

use std::time::Duration;

use protocol::id::CommandId;
use tokio::sync::oneshot;
use tokio::time::{interval, timeout};

use super::{Ending as _, Kind};
use crate::http::PublicCtx;

/// A client's URL is good for this long.
const CLIENT_PATIENCE: Duration = Duration::from_secs(60);
/// An agent takes seconds to connect where it is busy; after this it never will.
const AGENT_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether the agent refused.
const REFUSAL_TICK: Duration = Duration::from_millis(500);

/// Waits for the client.
pub(crate) async fn client<K: Kind>(
    place: oneshot::Receiver<K::Arrival>,
) -> Result<K::Arrival, K::End> {
    let arrived = arrival(place, CLIENT_PATIENCE).await;
    arrived.ok_or(K::End::CLIENT_ABSENT)
}

/// Waits for the agent, or for its report that it does not carry out `order`.
pub(crate) async fn agent<K: Kind>(
    ctx: &PublicCtx,
    order: CommandId,
    place: oneshot::Receiver<K::Arrival>,
) -> Result<K::Arrival, K::End> {
    tokio::select! {
        arrived = arrival(place, AGENT_PATIENCE) => arrived.ok_or(K::End::AGENT_ABSENT),
        () = refused(ctx, order) => Err(K::End::AGENT_REFUSED),
    }
}

async fn arrival<A>(place: oneshot::Receiver<A>, patience: Duration) -> Option<A> {
    timeout(patience, place).await.ok()?.ok()
}

async fn refused(ctx: &PublicCtx, order: CommandId) {
    let mut ticks = interval(REFUSAL_TICK);
    loop {
        ticks.tick().await;
        let row = ctx.tenant().commands().find(order).await;
        if let Ok(Some(row)) = row
            && row.reported_at.or(row.finished_at).is_some()
            && row.success != Some(true)
        {
            return;
        }
    }
}
