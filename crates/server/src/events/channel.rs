//! The event channel's WebSocket (`realtime-client.md` §1–2).

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use axum::extract::{Path, State, WebSocketUpgrade};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use protocol::id::ChannelId;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::SharedApp;
use crate::http::ApiError;

/// The client has no timer of its own, so the server pings.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Silence after which a listener is gone.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// A listener that takes longer for one frame does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Clients send no data.
const MAX_MESSAGE: usize = 4096;

pub(crate) fn websocket_routes() -> Router<SharedApp> {
    Router::new().route("/ws/event/{session}/{channel}/{token}/", any(upgrade))
}

/// The URL carries its own credential: an unguessable token bound to the channel.
async fn upgrade(
    State(app): State<SharedApp>,
    Path((_session, channel, token)): Path<(String, String, String)>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let refused = || ApiError::unauthenticated("This event channel does not exist any more.");
    let Ok(channel) = channel.parse::<ChannelId>() else {
        return refused().into_response();
    };
    // Attached before the answer leaves: the subscription follows within milliseconds.
    let Some((frames, closed)) = app.events.attach(channel, &token) else {
        return refused().into_response();
    };
    let lost = (app.clone(), closed.clone());
    upgrade
        .max_message_size(MAX_MESSAGE)
        .on_failed_upgrade(move |_| lost.0.events.detach(channel, &lost.1))
        .on_upgrade(async move |socket| {
            app.tasks
                .track_future(serve(&app, socket, frames, &closed))
                .await;
            app.events.detach(channel, &closed);
        })
}

async fn serve(
    app: &SharedApp,
    mut socket: WebSocket,
    mut frames: mpsc::Receiver<Utf8Bytes>,
    closed: &CancellationToken,
) {
    let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    let mut heard = Instant::now();
    let code = loop {
        let message = tokio::select! {
            () = app.shutdown.cancelled() => break close_code::AWAY,
            () = closed.cancelled() => break close_code::POLICY,
            _ = pings.tick() => {
                if heard.elapsed() > DEAD_AFTER {
                    break close_code::AWAY;
                }
                Message::Ping(axum::body::Bytes::new())
            }
            frame = frames.recv() => match frame {
                Some(frame) => Message::Text(frame),
                None => break close_code::POLICY,
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {
                    heard = Instant::now();
                    continue;
                }
            },
        };
        if !matches!(
            timeout(WRITE_TIMEOUT, socket.send(message)).await,
            Ok(Ok(()))
        ) {
            return;
        }
    };
    let frame = CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    };
    // The peer may be gone; then there is nobody to tell.
    drop(
        timeout(
            Duration::from_secs(5),
            socket.send(Message::Close(Some(frame))),
        )
        .await,
    );
}
