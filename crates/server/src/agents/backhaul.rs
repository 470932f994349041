//! The backhaul WebSocket (`agent-control.md` §6).

use std::time::Duration;

use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use protocol::agent::{AgentMessage, ServerMessage};
use protocol::auth::extension;
use protocol::event;
use protocol::order::{CHANNEL_HEADER, EXTENSIONS_HEADER};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Connection;
use crate::commands::dispatch;
use crate::http::{AgentCtx, ApiError, lists};

/// Pings go out this often; they also renew the agent's read deadline.
const PING_INTERVAL: Duration = Duration::from_secs(60);
/// An agent that has not answered for two intervals is gone.
const DEAD_AFTER: Duration = Duration::from_secs(125);
/// A send that takes longer means the agent does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Agents send pongs and nothing else.
const MAX_MESSAGE: usize = 64 * 1024;
/// Characters of an agent's channel value.
const CHANNEL_LENGTH: usize = 32;

pub(super) async fn upgrade(
    ctx: AgentCtx,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if ctx.app.shutdown.is_cancelled() {
        return ApiError::unavailable("The server is shutting down.").into_response();
    }
    if !ctx.app.agents.may_replace(ctx.server_id()) {
        return ApiError::new(
            StatusCode::CONFLICT,
            "This server is connected already, and again and again: do two hosts share its key?",
        )
        .into_response();
    }
    let channel = channel_of(&headers);
    let guards = channel.is_some() && lists(&headers, EXTENSIONS_HEADER, extension::EXEC_GUARD);
    let app = ctx.app.clone();
    upgrade
        .max_message_size(MAX_MESSAGE)
        .on_upgrade(async move |socket| {
            // Not aborted with the other tasks: it ends by itself, and tells the database.
            app.tasks
                .track_future(serve(ctx, socket, channel, guards))
                .await;
        })
}

/// The channel value of an agent that verifies signed orders.
fn channel_of(headers: &HeaderMap) -> Option<String> {
    let signed = lists(headers, EXTENSIONS_HEADER, extension::SIGNED_ORDERS);
    let channel = headers.get(CHANNEL_HEADER)?.to_str().ok();
    channel
        .filter(|value| {
            signed
                && value.len() == CHANNEL_LENGTH
                && value
                    .bytes()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
        .map(str::to_owned)
}

async fn serve(ctx: AgentCtx, mut socket: WebSocket, channel: Option<String>, guards: bool) {
    let (connection, mut outgoing) = ctx.app.agents.connect(
        ctx.workspace_id(),
        ctx.server_id(),
        channel,
        ctx.websocket_base(),
        guards,
    );
    presence(&ctx, true).await;
    tracing::info!(server = %ctx.server.name, "agent connected");
    ctx.app.spawn(dispatch::deliver_waiting(
        ctx.public.clone(),
        connection.clone(),
    ));

    let close = talk(&ctx, &mut socket, &connection, &mut outgoing).await;
    let current = ctx.app.agents.disconnect(&connection);
    if let Some(code) = close {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::default(),
        };
        // The peer may be gone; then there is nobody to tell.
        drop(timeout(WRITE_TIMEOUT, socket.send(Message::Close(Some(frame)))).await);
    }
    if current {
        presence(&ctx, false).await;
    }
    tracing::info!(server = %ctx.server.name, "agent disconnected");
}

/// Relays until the connection ends. Gives the code to close with, if the end is ours.
async fn talk(
    ctx: &AgentCtx,
    socket: &mut WebSocket,
    connection: &Connection,
    outgoing: &mut mpsc::Receiver<Utf8Bytes>,
) -> Option<u16> {
    let Ok(ping) = serde_json::to_string(&ServerMessage::Ping {
        extensions: vec![extension::REPORT_BATCH.to_owned()],
    }) else {
        return Some(close_code::ERROR);
    };
    let ping = Utf8Bytes::from(ping);
    let mut pings = interval_at(Instant::now(), PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            () = ctx.app.shutdown.cancelled() => return Some(close_code::AWAY),
            () = connection.closed.cancelled() => return Some(close_code::NORMAL),
            _ = pings.tick() => {
                if heard.elapsed() > DEAD_AFTER {
                    return Some(close_code::AWAY);
                }
                ping.clone()
            }
            message = outgoing.recv() => message?,
            received = socket.recv() => {
                match received {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(message)) => {
                        heard = Instant::now();
                        note(&message);
                    }
                }
                continue;
            }
        };
        if !matches!(
            timeout(WRITE_TIMEOUT, socket.send(Message::Text(message))).await,
            Ok(Ok(()))
        ) {
            return None;
        }
    }
}

/// Any message proves that the agent lives; a pong says no more than that.
fn note(message: &Message) {
    let Message::Text(text) = message else { return };
    match serde_json::from_str::<AgentMessage>(text) {
        Ok(AgentMessage::Pong { .. }) => {}
        Ok(AgentMessage::Unknown) | Err(_) => tracing::debug!("unknown message on a backhaul"),
    }
}

async fn presence(ctx: &AgentCtx, connected: bool) {
    let remote_ip = connected.then(|| ctx.ip.to_string());
    let stored: Result<(), crate::http::ApiError> = async {
        let unit = ctx.begin().await?;
        unit.tenant()
            .fleet()
            .set_connected(ctx.server_id(), connected, remote_ip)
            .await?;
        Ok(unit.commit().await?)
    }
    .await;
    if let Err(error) = stored {
        tracing::warn!(
            detail = error.detail,
            "cannot store the presence of a server"
        );
    }
    ctx.app.events.publish(
        ctx.workspace_id(),
        event::SERVER_STATUS,
        Some(ctx.server.id),
        &json!({
            "sub_type": if connected { "connected" } else { "disconnected" },
            "id": ctx.server_id(),
        }),
    );
}
