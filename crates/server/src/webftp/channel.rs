//! The WebSockets of file browsers (`agent-channels.md` §1.1, §3).

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use protocol::id::FileSessionId;

use super::hub::Side;
use crate::app::SharedApp;
use crate::http::{AgentCtx, ApiError, ApiResult};

/// Longest request, in bytes.
const MAX_REQUEST: usize = 64 * 1024;
/// Longest answer, in bytes; the agent may send it in pieces.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

pub(crate) fn websocket_routes() -> Router<SharedApp> {
    Router::new()
        .route("/ws/webftp/client/{id}/{token}/", any(client))
        .route("/ws/webftp/agent/{id}/{token}/", any(agent))
}

/// The URL a client is given.
pub(super) fn client_url(base: &str, id: FileSessionId, token: &str) -> String {
    format!("{base}/ws/webftp/client/{id}/{token}/")
}

/// The URL an agent is given.
pub(super) fn agent_url(base: &str, id: FileSessionId, token: &str) -> String {
    format!("{base}/ws/webftp/agent/{id}/{token}/")
}

/// The URL carries its own credential: good once, for a minute.
async fn client(
    State(app): State<SharedApp>,
    Path((id, token)): Path<(String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.max_message_size(MAX_REQUEST);
    answer(arrive(&app, Side::Client, (&id, &token), upgrade))
}

/// The public agent shows nothing but the URL; ours shows its own credential, too,
/// and is the right one.
async fn agent(
    State(app): State<SharedApp>,
    agent: Result<AgentCtx, ApiError>,
    Path((id, token)): Path<(String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let found = id.parse().ok().and_then(|id| app.file_browsers.find(id));
    let Some(live) = found else {
        return refused().into_response();
    };
    let is_target = agent.is_ok_and(|ctx| ctx.server_id() == live.bond.server);
    if live.bond.agent_is_ours && !is_target {
        return refused().into_response();
    }
    let upgrade = upgrade.max_message_size(MAX_ANSWER);
    answer(arrive(&app, Side::Agent, (&id, &token), upgrade))
}

fn answer(response: ApiResult<Response>) -> Response {
    response.unwrap_or_else(ApiError::into_response)
}

fn refused() -> ApiError {
    ApiError::unauthenticated("This file browser does not exist, or not any more; open a new one.")
}

fn arrive(
    app: &SharedApp,
    side: Side,
    (id, token): (&str, &str),
    upgrade: WebSocketUpgrade,
) -> ApiResult<Response> {
    if app.shutdown.is_cancelled() {
        return Err(ApiError::unavailable("The server is shutting down."));
    }
    let id = id.parse::<FileSessionId>().map_err(|_| refused())?;
    let place = app
        .file_browsers
        .claim(id, side, token)
        .ok_or_else(refused)?;
    tracing::debug!(session = %id, ?side, "one side of a file browser connects");
    // An upgrade that fails drops the place, and with it ends the session.
    Ok(upgrade.on_upgrade(async move |socket| {
        // The session may have ended meanwhile.
        let _ended = place.send(socket);
    }))
}
