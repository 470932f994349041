//! The WebSockets of terminals (`realtime-client.md` §4, `agent-channels.md` §2.3).

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::HeaderMap;
use protocol::auth::extension;
use protocol::id::{WebshChannelId, WebshSessionId};
use protocol::terminal::MAX_FRAME;
use protocol::tunnel::EXTENSIONS_HEADER;

use super::link::Arrival;
use super::viewer;
use crate::app::SharedApp;
use crate::http::{AgentCtx, ApiError};

/// Agents send at most 8,192 bytes at once, ours a frame; clients what was typed or
/// pasted in a moment.
const MAX_MESSAGE: usize = 1024 * 1024;

pub(crate) fn websocket_routes() -> Router<SharedApp> {
    Router::new()
        .route("/ws/websh/{session}/{channel}/{token}/", any(client))
        .route("/ws/websh-pty/{session}/{channel}/{token}/", any(agent))
}

/// The URL a client is given.
pub(super) fn client_url(
    base: &str,
    session: WebshSessionId,
    channel: WebshChannelId,
    token: &str,
) -> String {
    format!("{base}/ws/websh/{session}/{channel}/{token}/")
}

/// The path an agent is given.
pub(super) fn agent_path(session: WebshSessionId, channel: WebshChannelId, token: &str) -> String {
    format!("/ws/websh-pty/{session}/{channel}/{token}/")
}

fn refused() -> Response {
    ApiError::unauthenticated("This terminal does not exist, or not any more; open a new one.")
        .into_response()
}

/// The URL carries its own credential: good once, for a minute.
async fn client(
    State(app): State<SharedApp>,
    Path((session, _channel, token)): Path<(String, String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if app.shutdown.is_cancelled() {
        return ApiError::unavailable("The server is shutting down.").into_response();
    }
    let live = session.parse().ok().and_then(|id| app.websh.find(id));
    let place = live.as_ref().and_then(|live| live.claim(false, &token));
    let (Some(live), Some(place)) = (live, place) else {
        return refused();
    };
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(async move |socket| {
            app.tasks
                .track_future(viewer::serve(live, place, socket))
                .await;
        })
}

/// The agent shows its own credential beside that of the URL, and is the right one.
async fn agent(
    ctx: AgentCtx,
    Path((session, _channel, token)): Path<(String, String, String)>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let live = session
        .parse()
        .ok()
        .and_then(|id| ctx.app.websh.find(id))
        .filter(|live| live.bond.server == ctx.server_id());
    let place = live.as_ref().and_then(|live| live.claim(true, &token));
    let (Some(live), Some(_place)) = (live, place) else {
        return refused();
    };
    let is_framed = names_extension(&headers);
    let limit = if is_framed { MAX_FRAME } else { MAX_MESSAGE };
    upgrade
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(async move |socket| {
            // The terminal may have ended meanwhile.
            let _ended = live.agents.send(Arrival { socket, is_framed }).await;
        })
}

fn names_extension(headers: &HeaderMap) -> bool {
    headers
        .get(EXTENSIONS_HEADER)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|names| {
            names
                .split(',')
                .any(|name| name.trim() == extension::TERMINAL_RESUME)
        })
}
