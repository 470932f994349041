//! Ended authority ends tunnels. Hooks do it at once where they are; this finds the
//! rest within a second.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::end::End;
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
        for live in app.tunnels.all() {
            let bond = &live.bond;
            if !standing.of(&app, bond.workspace, bond.footing()).await {
                live.end(End::AuthorityEnded);
            }
        }
    }
}
