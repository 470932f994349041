//! What the backhaul and the control WebSocket share: reading messages with a
//! deadline, closing politely, and waiting between connections.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use transport::websocket::WebSocket;

use crate::lenient::without_nulls;

/// Without a message for this long the connection counts as dead.
const READ_DEADLINE: Duration = Duration::from_secs(35 * 60);
/// The same towards a server of ours, which pings every minute.
const PING_DEADLINE: Duration = Duration::from_secs(200);
/// For one outgoing message.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The server has this long to answer our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that lasted this long was a good one.
const STABLE: Duration = Duration::from_secs(10);

/// An open connection.
pub(crate) struct Connection {
    socket: WebSocket,
    opened: Instant,
    patience: Duration,
    deadline: Instant,
}

impl Connection {
    /// Takes over a socket that was just opened.
    #[must_use]
    pub(crate) fn new(socket: WebSocket) -> Self {
        let opened = Instant::now();
        Self {
            socket,
            opened,
            patience: READ_DEADLINE,
            deadline: opened + READ_DEADLINE,
        }
    }

    /// The peer is known to say something every minute, so silence is noticed
    /// sooner: a connection that died unseen costs minutes, not half an hour.
    pub(crate) fn expect_pings(&mut self) {
        self.patience = PING_DEADLINE;
        self.deadline = Instant::now() + self.patience;
    }

    /// The next message that is a JSON object, without its `null` members. `None`
    /// when the connection is over. Pings of the transport do not count as life.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let message = match timeout_at(self.deadline, self.socket.next()).await {
                Err(_) => {
                    tracing::warn!(patience = ?self.patience, "the connection is silent");
                    return None;
                }
                Ok(None) => return None,
                Ok(Some(Err(error))) => {
                    tracing::info!(%error, "the connection broke");
                    return None;
                }
                Ok(Some(Ok(message))) => message,
            };
            let text = match message {
                Message::Text(text) => text.as_bytes().to_vec(),
                Message::Binary(bytes) => bytes.to_vec(),
                Message::Close(_) => return None,
                _ => continue,
            };
            self.deadline = Instant::now() + self.patience;
            match serde_json::from_slice(&text) {
                Ok(value) => return Some(without_nulls(value)),
                Err(error) => tracing::warn!(%error, "ignoring a message that is not JSON"),
            }
        }
    }

    /// Sends a text message; false when the connection is over.
    pub(crate) async fn send(&mut self, text: String) -> bool {
        let sent = timeout(WRITE_TIMEOUT, self.socket.send(Message::text(text))).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Closes with code 1000.
    pub(crate) async fn close(mut self) {
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        let goodbye = async {
            if self.socket.close(Some(frame)).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _late = timeout(CLOSE_TIMEOUT, goodbye).await;
    }

    /// It lasted. One that ended right after it began counts as a failed attempt,
    /// so that a server that accepts and closes meets no storm.
    #[must_use]
    pub(crate) fn was_stable(&self) -> bool {
        self.opened.elapsed() >= STABLE
    }
}
