//! What time does, workspace by workspace.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::app::SharedApp;
use crate::http::PublicCtx;

/// Rounds through all workspaces, one at every tick. A late one delays the next.
pub(crate) struct Rounds {
    app: SharedApp,
    ticks: Interval,
}

impl Rounds {
    pub(crate) fn new(app: SharedApp, tick: Duration) -> Self {
        let mut ticks = interval(tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { app, ticks }
    }

    /// Waits for the next round: a context for each workspace.
    pub(crate) async fn next(&mut self) -> impl Iterator<Item = PublicCtx> + use<> {
        self.ticks.tick().await;
        let app = self.app.clone();
        let workspaces = app.workspaces.all().into_iter();
        workspaces.map(move |workspace| PublicCtx::internal(app.clone(), workspace))
    }
}
