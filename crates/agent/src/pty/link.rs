//! One connection of a terminal: frames to a server of ours, plain bytes to others.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::auth::extension;
use protocol::terminal::Frame;
use protocol::tunnel::EXTENSIONS_HEADER;
use protocol::websh::close;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use transport::websocket::WebSocket;

use crate::server::Server;

/// Servers may join what several users typed.
const MAX_MESSAGE: usize = 1024 * 1024;
/// A server that takes longer for one message is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The peer has this long to take our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Close codes that end the session; after all others it goes on.
const FINAL: [u16; 3] = [1000, 1001, close::NORMAL];

/// What came.
#[derive(Debug)]
pub(super) enum Received {
    Frame(Frame),
    Raw(Bytes),
    /// The server ends the session.
    Over,
    /// The connection is gone, the session is not.
    Lost,
}

/// The half that is read.
pub(super) struct Reader {
    stream: SplitStream<WebSocket>,
    is_framed: bool,
}

/// The half that is written.
pub(super) struct Writer(SplitSink<WebSocket, Message>);

/// Connects.
///
/// # Errors
/// When the server cannot be reached or refuses.
pub(super) async fn dial(
    server: &Server,
    url: &str,
    is_framed: bool,
) -> Result<(Reader, Writer), transport::TransportError> {
    let mut headers = HeaderMap::new();
    if is_framed {
        let name = HeaderValue::from_static(extension::TERMINAL_RESUME);
        headers.insert(EXTENSIONS_HEADER, name);
    }
    let socket = server.dial_url(url, headers, MAX_MESSAGE).await?;
    let (sink, stream) = socket.split();
    Ok((Reader { stream, is_framed }, Writer(sink)))
}

impl Reader {
    /// The next of what comes. May be dropped at any moment without loss.
    pub(super) async fn next(&mut self) -> Received {
        let bytes = match self.stream.next().await {
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Text(text))) => text.into(),
            // Told to the caller as nothing: it keeps the time of silence.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                return Received::Raw(Bytes::new());
            }
            Some(Ok(Message::Close(frame))) => {
                let code = frame.map_or(1005, |frame| frame.code.into());
                return match FINAL.contains(&code) {
                    true => Received::Over,
                    false => Received::Lost,
                };
            }
            Some(Err(_)) | None => return Received::Lost,
        };
        if !self.is_framed {
            return Received::Raw(bytes);
        }
        match Frame::decode(bytes) {
            Ok(frame) => Received::Frame(frame),
            Err(error) => {
                tracing::warn!(%error, "a terminal's connection is given up");
                Received::Lost
            }
        }
    }
}

impl Writer {
    /// Sends one message. False: the connection is gone.
    pub(super) async fn send(&mut self, bytes: Bytes) -> bool {
        let sent = self.0.send(Message::Binary(bytes));
        matches!(tokio::time::timeout(WRITE_TIMEOUT, sent).await, Ok(Ok(())))
    }

    /// Ends the connection as the contract says a shell's end looks.
    pub(super) async fn close(&mut self) {
        let frame = CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        };
        let sent = self.0.send(Message::Close(Some(frame)));
        let _gone = tokio::time::timeout(CLOSE_TIMEOUT, sent).await;
    }
}
