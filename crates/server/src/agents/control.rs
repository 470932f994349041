//! The control WebSocket (`agent-control.md` §7), on which decisions about sudo
//! travel to the agent. It is kept alive, because agents reconnect without pause
//! when it is not.

use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use axum::response::{IntoResponse as _, Response};
use store::Viewer;
use tokio::time::{Instant, interval_at, timeout};

use crate::http::{AgentCtx, ApiError};

/// Well below the agent's read deadline of 35 minutes.
const PING_INTERVAL: Duration = Duration::from_secs(10 * 60);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_MESSAGE: usize = 4096;
/// A message that every agent ignores.
const PING: &str = r#"{"query":"ping"}"#;

pub(super) async fn upgrade(ctx: AgentCtx, upgrade: WebSocketUpgrade) -> Response {
    if ctx.app.shutdown.is_cancelled() {
        return ApiError::unavailable("The server is shutting down.").into_response();
    }
    let app = ctx.app.clone();
    upgrade
        .max_message_size(MAX_MESSAGE)
        .on_upgrade(async move |socket| {
            app.tasks.track_future(serve(ctx, socket)).await;
        })
}

async fn serve(ctx: AgentCtx, mut socket: WebSocket) {
    let (closed, mut messages) = ctx.app.agents.control(ctx.server_id());
    if !still_exists(&ctx).await {
        // Deleted between its authentication and now.
        return;
    }
    let mut pings = interval_at(Instant::now(), PING_INTERVAL);
    loop {
        tokio::select! {
            () = ctx.app.shutdown.cancelled() => break,
            () = closed.cancelled() => break,
            Some(message) = messages.recv() => {
                if !send(&mut socket, message).await {
                    return;
                }
            }
            _ = pings.tick() => {
                if !send(&mut socket, Utf8Bytes::from_static(PING)).await {
                    return;
                }
            }
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
    let frame = CloseFrame {
        code: close_code::AWAY,
        reason: Utf8Bytes::default(),
    };
    // The peer may be gone; then there is nobody to tell.
    drop(timeout(WRITE_TIMEOUT, socket.send(Message::Close(Some(frame)))).await);
}

async fn send(socket: &mut WebSocket, message: Utf8Bytes) -> bool {
    let sent = timeout(WRITE_TIMEOUT, socket.send(Message::Text(message))).await;
    matches!(sent, Ok(Ok(())))
}

async fn still_exists(ctx: &AgentCtx) -> bool {
    let fleet = ctx.tenant().fleet();
    let found = fleet.find(Viewer::Everything, ctx.server_id()).await;
    matches!(found, Ok(Some(_)))
}
