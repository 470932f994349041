//! Asking agents for fresh data: they never synchronise by themselves
//! (`agent-control.md` §8.1).

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::rand;
use protocol::id::{ServerId, WorkspaceId};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior};

use crate::app::SharedApp;
use crate::commands::{InternalOrder, order_internal};
use crate::http::{AgentCtx, PublicCtx};

/// When the sync after a first commit is ordered: then, and up to as much later.
const FIRST_SYNC: Duration = Duration::from_secs(15);
const FIRST_SYNC_SPREAD: Duration = Duration::from_secs(30);
/// How old an agent's information may become.
const INTERVAL: Duration = Duration::from_secs(6 * 3600);
/// How often the clock looks for agents that are due.
const TICK: Duration = Duration::from_secs(60);

/// Orders the sync that a new agent needs: only it fetches the access policy. A
/// restart of this server loses the order; the clock makes up for it.
pub(super) fn after_first_commit(ctx: &AgentCtx) {
    let (ctx, server) = (ctx.public.clone(), ctx.server_id());
    let app = ctx.app.clone();
    app.spawn(async move {
        tokio::time::sleep(FIRST_SYNC + random_up_to(FIRST_SYNC_SPREAD)).await;
        order_sync(&ctx, server).await;
    });
}

/// Keeps the information about connected servers fresh.
pub(crate) async fn run(app: SharedApp) {
    let mut due: HashMap<ServerId, Instant> = HashMap::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let now = ticks.tick().await;
        let connected = app.agents.all();
        due.retain(|server, _| connected.iter().any(|c| c.server == *server));
        for connection in connected {
            // Spread over the interval, whatever connected at once.
            let first = || now + random_up_to(INTERVAL);
            let time = due.entry(connection.server).or_insert_with(first);
            if *time > now {
                continue;
            }
            *time = now + INTERVAL;
            if let Some(workspace) = app.workspaces.by_id(connection.workspace) {
                let ctx = PublicCtx::internal(app.clone(), workspace);
                order_sync(&ctx, connection.server).await;
            }
        }
    }
}

/// Orders a full sync, if the agent is here to take it.
async fn order_sync(ctx: &PublicCtx, server: ServerId) {
    if ctx.app.agents.connection(server).is_none() {
        return;
    }
    let order = InternalOrder {
        server,
        requested_by: None,
        name: "sync",
        arguments: Value::Null,
    };
    if let Err(error) = order_internal(ctx, order).await {
        tracing::warn!(%server, detail = error.detail, "a sync could not be ordered");
    }
}

/// Orders a full sync of every agent of a workspace that is here, after a change that
/// only a sync tells them.
pub(crate) async fn sync_all(app: &SharedApp, workspace: WorkspaceId) {
    let Some(workspace) = app.workspaces.by_id(workspace) else {
        return;
    };
    let ctx = PublicCtx::internal(app.clone(), workspace);
    for connection in app.agents.all() {
        if connection.workspace == ctx.workspace_id() {
            order_sync(&ctx, connection.server).await;
        }
    }
}

/// A random time up to `most`. Without randomness, the middle does.
fn random_up_to(most: Duration) -> Duration {
    let mut bytes = [0; 2];
    if rand::fill(&mut bytes).is_err() {
        return most / 2;
    }
    most * u32::from(u16::from_le_bytes(bytes)) / u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_times_stay_in_bounds_and_differ() {
        let times: Vec<_> = (0..64).map(|_| random_up_to(INTERVAL)).collect();
        assert!(times.iter().all(|time| *time <= INTERVAL));
        assert!(times.iter().any(|time| *time != times[0]));
    }
}
