//! Making locks felt: what runs on what is locked ends, on every node within a second.

use std::sync::Arc;
use std::time::Duration;

use protocol::id::UserId;
use store::locks::LockKind;
use tokio::time::{MissedTickBehavior, interval};

use super::Held;
use crate::app::SharedApp;
use crate::commands;
use crate::http::PublicCtx;

/// How soon a node learns what another node, or the operator, has locked or disabled.
const TICK: Duration = Duration::from_millis(500);

/// Learns of changes by others until the server drains.
pub(crate) async fn watch(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = app.workspaces.reload(&app.store).await {
            tracing::warn!(%error, "the workspaces could not be read");
        }
        refresh(&app).await;
    }
}

/// Reads the locks again and ends what rests on new ones.
pub(crate) async fn refresh(app: &SharedApp) {
    match app.locks.reload(&app.store).await {
        Ok(added) => {
            for held in added {
                enforce(app, &held).await;
            }
        }
        Err(error) => tracing::warn!(%error, "the locks could not be read"),
    }
}

async fn enforce(app: &SharedApp, held: &Arc<Held>) {
    match held.kind {
        LockKind::User => app.events.close_of_user(UserId(held.object)),
        LockKind::Token => app.events.close_of(held.object),
        LockKind::Workspace => app.events.close_of_workspace(held.workspace),
        LockKind::WorkSession | LockKind::Server => {}
    }
    let Some(workspace) = app.workspaces.by_id(held.workspace) else {
        return;
    };
    let ctx = PublicCtx::internal(app.clone(), workspace);
    if let Err(error) = commands::stop_locked(&ctx).await {
        // The clock of the commands looks again every second.
        tracing::error!(detail = error.detail, "commands could not be stopped");
    }
}
