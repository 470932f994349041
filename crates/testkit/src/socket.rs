//! A WebSocket as a stranger would open it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use transport::TransportError;
use transport::websocket::{DialOptions, WebSocket, dial};

use crate::runtime::block_on;
use crate::{OrFail, patience};

const MAX_MESSAGE: usize = 16 << 20;

/// HTTP status of a refused upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub u16);

/// An open WebSocket.
pub struct Socket(WebSocket);

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Socket")
    }
}

impl Socket {
    #[track_caller]
    pub(crate) fn open(
        url: &str,
        tls: &Arc<rustls::ClientConfig>,
        headers: HeaderMap,
    ) -> Result<Self, Refusal> {
        let options = DialOptions {
            headers,
            timeout: patience(),
            max_message: MAX_MESSAGE,
        };
        match block_on("open a WebSocket", dial(url, tls, options)) {
            Ok(socket) => Ok(Self(socket)),
            Err(TransportError::Refused(status)) => Err(Refusal(status)),
            Err(error) => panic!("cannot open {url}: {error}"),
        }
    }

    /// Sends a text message.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        block_on("send", self.0.send(Message::text(text))).or_fail("send a message");
    }

    /// The next message, which must be JSON; `None` when the server closed.
    #[track_caller]
    pub fn next_json(&mut self) -> Option<Value> {
        self.next_json_within(patience())
            .unwrap_or_else(|Silence| panic!("no message within {:?}", patience()))
    }

    /// Like [`Self::next_json`], but silence is an answer, too.
    ///
    /// # Errors
    /// When nothing came within `time`.
    #[track_caller]
    pub fn next_json_within(&mut self, time: Duration) -> Result<Option<Value>, Silence> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Some(text.as_bytes().to_vec()),
                    Some(Ok(Message::Binary(bytes))) => return Some(bytes.to_vec()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        };
        let message = block_on("read", async { tokio::time::timeout(time, next).await });
        match message {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => Ok(Some(
                serde_json::from_slice(&bytes).or_fail("read the message as JSON"),
            )),
            Err(_) => Err(Silence),
        }
    }

    /// Sends a binary message.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let message = Message::Binary(bytes.to_vec().into());
        block_on("send", self.0.send(message)).or_fail("send a message");
    }

    /// The next message.
    ///
    /// # Errors
    /// With the code that the server closed with; `None`: without one.
    #[track_caller]
    pub fn next_bytes(&mut self) -> Result<Vec<u8>, Option<u16>> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(text.as_bytes().to_vec()),
                    Some(Ok(Message::Binary(bytes))) => return Ok(bytes.to_vec()),
                    Some(Ok(Message::Close(frame))) => {
                        return Err(frame.map(|frame| frame.code.into()));
                    }
                    Some(Err(_)) | None => return Err(None),
                    Some(Ok(_)) => {}
                }
            }
        };
        let message = block_on("read", async {
            tokio::time::timeout(patience(), next).await
        });
        message.unwrap_or_else(|_| panic!("no message within {:?}", patience()))
    }

    /// Closes it with a code.
    pub fn close_with(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        // The server may have closed first.
        let _closed = block_on("close", self.0.close(Some(frame)));
    }

    /// Closes it in good order.
    pub fn close(mut self) {
        // The server may have closed first.
        let _closed = block_on("close", self.0.close(None));
    }
}

/// Nothing came in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence;
