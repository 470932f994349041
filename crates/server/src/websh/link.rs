//! The connection of an agent: frames from one of ours, plain bytes from others.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Messages that may wait for the socket.
const QUEUE: usize = 8;
/// An agent that takes longer for one message does not read: its connection is lost.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// What is on its way, and the close, have this long.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Silence after which the agent is gone; it answers pings.
const SILENCE: Duration = Duration::from_secs(60);

/// An agent that has just connected.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) socket: WebSocket,
    /// It speaks frames.
    pub(super) is_framed: bool,
}

/// What came.
#[derive(Debug)]
pub(super) enum Received {
    Bytes(Bytes),
    /// The shell ended, as an agent that speaks no frames tells it.
    Over,
    /// The connection is gone.
    Lost,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) is_framed: bool,
    /// Both sides have said how far they are.
    pub(super) is_greeted: bool,
    pub(super) sender: mpsc::Sender<Message>,
    stream: SplitStream<WebSocket>,
    heard: Instant,
    writer: JoinHandle<()>,
}

impl Link {
    pub(super) fn start(arrival: Arrival) -> Self {
        let (sink, stream) = arrival.socket.split();
        let (sender, messages) = mpsc::channel(QUEUE);
        Self {
            is_framed: arrival.is_framed,
            is_greeted: !arrival.is_framed,
            sender,
            stream,
            heard: Instant::now(),
            writer: tokio::spawn(write(sink, messages)),
        }
    }

    /// The next of what comes. May be dropped at any moment without loss.
    pub(super) async fn next(&mut self) -> Received {
        loop {
            let message = self.stream.next().await;
            self.heard = Instant::now();
            match message {
                Some(Ok(Message::Binary(bytes))) => return Received::Bytes(bytes),
                Some(Ok(Message::Text(text))) => return Received::Bytes(text.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code);
                    return match code {
                        1000 | 1001 => Received::Over,
                        _ => Received::Lost,
                    };
                }
                Some(Err(_)) | None => return Received::Lost,
            }
        }
    }

    pub(super) fn is_silent(&self) -> bool {
        self.heard.elapsed() > SILENCE
    }

    /// Closes with `code`, after what is on its way.
    pub(super) async fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::default(),
        };
        let farewell = async {
            if self.sender.send(Message::Close(Some(frame))).await.is_ok() {
                let _ended = (&mut self.writer).await;
            }
        };
        let _late = timeout(CLOSE_TIMEOUT, farewell).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.writer.abort();
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut messages: mpsc::Receiver<Message>) {
    while let Some(message) = messages.recv().await {
        let is_last = matches!(message, Message::Close(_));
        let sent = timeout(WRITE_TIMEOUT, sink.send(message)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}
