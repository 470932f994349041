//! The WebSockets of tunnels (`realtime-client.md` §5, `agent-channels.md` §5.2).

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::HeaderMap;
use protocol::auth::extension;
use protocol::tunnel::EXTENSIONS_HEADER;

use super::kind::Tunnels;
use super::leg::Arrival;
use super::pipe::Pipe;
use crate::app::{App, SharedApp};
use crate::http::{AgentCtx, lists};
use crate::rendezvous::{self, Side};

/// A frame has at most 64 KiB; peers may join several in a message.
const MAX_MESSAGE: usize = 1024 * 1024;
/// Read at once; also what a short piece that is kept may keep alive.
const READ_BUFFER: usize = 128 * 1024;

pub(crate) fn websocket_routes() -> Router<SharedApp> {
    let path = |side| rendezvous::path::<Tunnels>(side, "{id}", "{token}");
    Router::new()
        .route(&path(Side::Client), any(client))
        .route(&path(Side::Agent), any(agent))
}

/// The URL carries its own credential: good once, for a minute.
async fn client(
    State(app): State<SharedApp>,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    arrive(&app, Side::Client, (&id, &token), &headers, upgrade)
}

/// The agent shows its own credential beside that of the URL, and is the right one.
async fn agent(
    ctx: AgentCtx,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = rendezvous::check_agent::<Tunnels>(&ctx.app, &id, Some(&ctx)) {
        return refusal.into_response();
    }
    arrive(&ctx.app, Side::Agent, (&id, &token), &headers, upgrade)
}

fn arrive(
    app: &App,
    side: Side,
    address: (&str, &str),
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let is_precise = lists(headers, EXTENSIONS_HEADER, extension::TUNNEL_MUX);
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER);
    rendezvous::admit::<Tunnels>(app, side, address, upgrade, move |socket| Arrival {
        pipe: Pipe::new(socket),
        is_precise,
    })
}
