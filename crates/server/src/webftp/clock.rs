//! Ended authority ends file browsers, within a second.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::hub::End;
use crate::app::SharedApp;
use crate::gate::Standing;

const TICK: Duration = Duration::from_millis(500);

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut standing = Standing::default();
        for live in app.file_browsers.all() {
            let bond = &live.bond;
            if !standing.of(&app, bond.workspace, bond.footing).await {
                live.end(End::AuthorityEnded);
            }
        }
    }
}
