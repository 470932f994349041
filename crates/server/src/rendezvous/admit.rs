//! Letting in whoever comes.

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::oneshot;

use super::{Kind, Side};
use crate::app::App;
use crate::http::{AgentCtx, ApiError, ApiResult};

/// Where a side comes to: it carries its own credential, good once, for a minute.
pub(crate) fn path<K: Kind>(side: Side, id: &str, token: &str) -> String {
    let side = match side {
        Side::Client => "client",
        Side::Agent => "agent",
    };
    format!("/ws/{}/{side}/{id}/{token}/", K::ROUTE)
}

/// For whoever has no way in, whatever the reason.
fn gone<K: Kind>() -> ApiError {
    ApiError::unauthenticated(format!(
        "This {} does not exist, or not any more; open a new one.",
        K::NAME
    ))
}

/// Refuses an agent that is not the one the channel waits for.
pub(crate) fn check_agent<K: Kind>(app: &App, id: &str, agent: Option<&AgentCtx>) -> ApiResult<()> {
    let live = id.parse().ok().and_then(|id| K::hub(app).find(id));
    let bond = &live.as_ref().ok_or_else(gone::<K>)?.bond;
    let is_target = agent.is_some_and(|ctx| ctx.server_id() == bond.server);
    if bond.agent_shows_key && !is_target {
        return Err(gone::<K>());
    }
    Ok(())
}

/// Lets a side in that shows the token of the address.
pub(crate) fn admit<K: Kind>(
    app: &App,
    side: Side,
    (id, token): (&str, &str),
    upgrade: WebSocketUpgrade,
    arrival: impl FnOnce(WebSocket) -> K::Arrival + Send + 'static,
) -> Response {
    let admitted = claim::<K>(app, side, id, token).map(|place| {
        // An upgrade that fails drops the place, and with it ends the channel.
        upgrade.on_upgrade(async move |socket| {
            // The channel may have ended meanwhile.
            let _ended = place.send(arrival(socket));
        })
    });
    admitted.unwrap_or_else(ApiError::into_response)
}

fn claim<K: Kind>(
    app: &App,
    side: Side,
    id: &str,
    token: &str,
) -> ApiResult<oneshot::Sender<K::Arrival>> {
    if app.shutdown.is_cancelled() {
        return Err(ApiError::unavailable("The server is shutting down."));
    }
    let id = id.parse::<K::Id>().map_err(|_| gone::<K>())?;
    let place = K::hub(app).claim(id, side, token).ok_or_else(gone::<K>)?;
    tracing::debug!(%id, ?side, "one side of a {} connects", K::NAME);
    Ok(place)
}
