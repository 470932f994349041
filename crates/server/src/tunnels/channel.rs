//! The WebSockets of tunnels (`realtime-client.md` §5, `agent-channels.md` §5.2).

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::HeaderMap;
use protocol::auth::extension;
use protocol::id::TunnelId;
use protocol::tunnel::EXTENSIONS_HEADER;

use super::hub::Side;
use super::leg::Arrival;
use super::pipe::Pipe;
use crate::app::SharedApp;
use crate::http::{AgentCtx, ApiError, ApiResult, lists};

/// A frame has at most 64 KiB; peers may join several in a message.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Read at once; also what a short piece that is kept may keep alive.
const READ_BUFFER: usize = 128 * 1024;

pub(crate) fn websocket_routes() -> Router<SharedApp> {
    Router::new()
        .route("/ws/tunnels/client/{id}/{token}/", any(client))
        .route("/ws/tunnels/agent/{id}/{token}/", any(agent))
}

/// The URL a client is given.
pub(super) fn client_url(base: &str, id: TunnelId, token: &str) -> String {
    format!("{base}/ws/tunnels/client/{id}/{token}/")
}

/// The URL an agent is given.
pub(super) fn agent_url(base: &str, id: TunnelId, token: &str) -> String {
    format!("{base}/ws/tunnels/agent/{id}/{token}/")
}

/// The URL carries its own credential: good once, for a minute.
async fn client(
    State(app): State<SharedApp>,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    answer(arrive(&app, Side::Client, (&id, &token), &headers, upgrade))
}

/// The agent shows its own credential beside that of the URL, and is the right one.
async fn agent(
    ctx: AgentCtx,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let is_target = id
        .parse()
        .ok()
        .and_then(|id| ctx.app.tunnels.find(id))
        .is_some_and(|live| live.bond.server == ctx.server_id());
    if !is_target {
        return refused().into_response();
    }
    answer(arrive(
        &ctx.app,
        Side::Agent,
        (&id, &token),
        &headers,
        upgrade,
    ))
}

fn answer(response: ApiResult<Response>) -> Response {
    response.unwrap_or_else(ApiError::into_response)
}

fn refused() -> ApiError {
    ApiError::unauthenticated("This tunnel does not exist, or not any more; open a new one.")
}

fn arrive(
    app: &SharedApp,
    side: Side,
    (id, token): (&str, &str),
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> ApiResult<Response> {
    if app.shutdown.is_cancelled() {
        return Err(ApiError::unavailable("The server is shutting down."));
    }
    let id = id.parse::<TunnelId>().map_err(|_| refused())?;
    let (place, bond) = app.tunnels.claim(id, side, token).ok_or_else(refused)?;
    tracing::debug!(tunnel = %bond.id, ?side, "one side of a tunnel connects");
    let is_precise = lists(headers, EXTENSIONS_HEADER, extension::TUNNEL_MUX);
    // An upgrade that fails drops the place, and with it ends the tunnel.
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .on_upgrade(async move |socket| {
            let pipe = Pipe::new(socket);
            // The tunnel may have ended meanwhile.
            let _ended = place.send(Arrival { pipe, is_precise });
        }))
}
