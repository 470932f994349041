//! The WebSockets of file browsers (`agent-channels.md` §1.1, §3).

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;

use super::kind::FileBrowsers;
use crate::app::SharedApp;
use crate::http::{AgentCtx, ApiError};
use crate::rendezvous::{self, Side};

/// Longest request, in bytes.
const MAX_REQUEST: usize = 64 * 1024;
/// Longest answer, in bytes; the agent may send it in pieces.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

pub(crate) fn websocket_routes() -> Router<SharedApp> {
    let path = |side| rendezvous::path::<FileBrowsers>(side, "{id}", "{token}");
    Router::new()
        .route(&path(Side::Client), any(client))
        .route(&path(Side::Agent), any(agent))
}

/// The URL carries its own credential: good once, for a minute.
async fn client(
    State(app): State<SharedApp>,
    Path((id, token)): Path<(String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.max_message_size(MAX_REQUEST);
    rendezvous::admit::<FileBrowsers>(&app, Side::Client, (&id, &token), upgrade, |socket| socket)
}

/// The public agent shows nothing but the URL; ours shows its own credential, too,
/// and is the right one.
async fn agent(
    State(app): State<SharedApp>,
    agent: Result<AgentCtx, ApiError>,
    Path((id, token)): Path<(String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let agent = agent.ok();
    if let Err(refusal) = rendezvous::check_agent::<FileBrowsers>(&app, &id, agent.as_ref()) {
        return refusal.into_response();
    }
    let upgrade = upgrade.max_message_size(MAX_ANSWER);
    rendezvous::admit::<FileBrowsers>(&app, Side::Agent, (&id, &token), upgrade, |socket| socket)
}
