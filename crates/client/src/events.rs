//! The event channel (`realtime-client.md` §2).

use std::time::Duration;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use transport::websocket::WebSocket;

use crate::api::Dialer;
use crate::{Api, Error, decode, pace};

/// Frames held back for a busy reader; beyond, the socket is not read.
const QUEUE: usize = 256;

/// A channel to connect to.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct EventSession {
    /// Carries its own credential: never to be shown.
    pub websocket_url: String,
    /// Named by subscriptions.
    pub channel_id: String,
}

/// One event.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Frame {
    /// See [`protocol::event::TYPES`].
    pub event_type: String,
    /// Depends on the type.
    pub payload: Value,
}

/// Makes a channel.
///
/// # Errors
/// When the call fails.
pub async fn create_session(api: &Api) -> Result<EventSession, Error> {
    api.post("/api/events/sessions/", &serde_json::json!({}))
        .await
}

/// Asks for events of one type, about `target` where the type has one.
///
/// # Errors
/// When the call fails; the channel must be connected before.
pub async fn subscribe(
    api: &Api,
    channel: &str,
    event_type: &str,
    target: Option<&str>,
) -> Result<(), Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        channel: &'a str,
        event_type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        target_id: Option<&'a str>,
    }
    let body = Body {
        channel,
        event_type,
        target_id: target,
    };
    api.post_ignoring("/api/events/subscriptions/", &body).await
}

/// A connected channel that ends when its connection ends.
pub struct Socket(WebSocket);

impl Socket {
    /// Dials the channel's address.
    ///
    /// # Errors
    /// When it cannot be dialled in time.
    pub async fn dial(
        api: &Api,
        session: &EventSession,
        timeout: Duration,
        max_message: usize,
    ) -> Result<Self, Error> {
        let dialer = api.dialer(timeout, max_message)?;
        Ok(Self(dialer.dial(&session.websocket_url).await?))
    }

    /// The next message; `None` when the connection ended.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        next_message(&mut self.0).await
    }
}

/// Reads frames in the background and dials the same address again when the
/// connection drops. Dropping it ends the connection.
#[derive(Debug)]
pub struct Listener {
    frames: mpsc::Receiver<Frame>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Goes on with a connected socket of `url`.
    #[must_use]
    pub fn start(socket: WebSocket, dialer: Dialer, url: String) -> Self {
        let (sender, frames) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move { listen(socket, &dialer, &url, &sender).await });
        Self { frames, task }
    }

    /// The next frame. Waits for ever while the connection is lost.
    pub async fn next(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next text or binary message; `None` when the connection ended.
async fn next_message(socket: &mut WebSocket) -> Option<Vec<u8>> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(text.as_bytes().to_vec()),
            Message::Binary(bytes) => return Some(bytes.to_vec()),
            Message::Close(_) => return None,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

async fn listen(mut socket: WebSocket, dialer: &Dialer, url: &str, sender: &mpsc::Sender<Frame>) {
    loop {
        while let Some(bytes) = next_message(&mut socket).await {
            // Frames that nobody understands are skipped.
            let Ok(frame) = decode::from_slice::<Frame>(&bytes) else {
                continue;
            };
            if sender.send(frame).await.is_err() {
                return;
            }
        }
        socket = redial(dialer, url).await;
    }
}

async fn redial(dialer: &Dialer, url: &str) -> WebSocket {
    let mut failures = 0;
    loop {
        let gap: Duration = pace::reconnect(failures);
        tokio::time::sleep(gap).await;
        match dialer.dial(url).await {
            Ok(socket) => return socket,
            Err(_) => failures = failures.saturating_add(1),
        }
    }
}
