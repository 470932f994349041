//! A WebSocket as a pipe of bytes: what is sent becomes one binary message, and the
//! payloads of whatever messages come are the bytes received. Nothing is copied.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::websocket::WebSocket;

/// The peer has this long to take our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A WebSocket as a pipe of bytes.
pub struct Pipe {
    socket: WebSocket,
    closed: Option<u16>,
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipe")
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

impl Pipe {
    /// Takes a connected WebSocket over.
    #[must_use]
    pub fn new(socket: WebSocket) -> Self {
        Self {
            socket,
            closed: None,
        }
    }

    /// The code that the peer closed with.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        self.closed
    }

    /// Closes with `code`. A peer that does not read is left to find out.
    pub async fn close(&mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        let _late = tokio::time::timeout(CLOSE_TIMEOUT, self.socket.close(Some(frame))).await;
    }
}

impl Stream for Pipe {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.socket.poll_next_unpin(cx)) {
                Some(Ok(Message::Binary(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                Some(Ok(Message::Text(text))) => return Poll::Ready(Some(Ok(text.into()))),
                // Answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    self.closed = Some(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                    return Poll::Ready(None);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(io_error(error)))),
            }
        }
    }
}

impl Sink<Bytes> for Pipe {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready_unpin(cx).map_err(io_error)
    }

    fn start_send(mut self: Pin<&mut Self>, item: Bytes) -> io::Result<()> {
        self.socket
            .start_send_unpin(Message::Binary(item))
            .map_err(io_error)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush_unpin(cx).map_err(io_error)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_close_unpin(cx).map_err(io_error)
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        // Every abrupt end is one, and all public clients end abruptly.
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) => {
            io::Error::new(io::ErrorKind::ConnectionReset, error.to_string())
        }
        other => io::Error::other(other.to_string()),
    }
}
