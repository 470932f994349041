//! Ended authority ends channels. Hooks do it at once where they are; the clock finds
//! the rest within a second.

use std::time::Duration;

use protocol::id::{TokenId, UserId, WorkSessionId};
use tokio::time::{MissedTickBehavior, interval};

use super::{Ending as _, Hub, Kind};
use crate::app::{App, SharedApp};
use crate::gate::Standing;
use crate::locks::Footing;

const TICK: Duration = Duration::from_millis(500);

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut standing = Standing::default();
        end_fallen(&app, &app.tunnels, &mut standing).await;
        end_fallen(&app, &app.file_browsers, &mut standing).await;
    }
}

async fn end_fallen<K: Kind>(app: &SharedApp, hub: &Hub<K>, standing: &mut Standing) {
    for live in hub.all() {
        let bond = &live.bond;
        let stands = standing.of(app, bond.workspace, K::OPERATION, bond.footing);
        if !stands.await {
            live.end(K::End::AUTHORITY_ENDED);
        }
    }
}

/// Ends what rests on a work session.
pub(crate) fn end_of_session(app: &App, session: WorkSessionId) {
    end_where(app, |footing| footing.work_session == Some(session));
}

/// Ends what was opened with a token.
pub(crate) fn end_of_token(app: &App, token: TokenId) {
    end_where(app, |footing| footing.token == Some(token));
}

/// Ends what a user has opened.
pub(crate) fn end_of_user(app: &App, user: UserId) {
    end_where(app, |footing| footing.user == Some(user));
}

fn end_where(app: &App, has_ended: impl Fn(&Footing) -> bool) {
    app.tunnels.end_where(&has_ended);
    app.file_browsers.end_where(&has_ended);
    app.websh.end_where(&has_ended);
}
