//! A client that speaks the wire itself, in whichever way a test wants.

use std::time::Duration;

use bytes::Bytes;
use mux::{Config, Role, Session, Stream};
use testkit::patience;
use tokio::runtime::Runtime;
use transport::pipe::Pipe;
use transport::tls::{Trust, client_config};
use transport::websocket::{DialOptions, WebSocket, dial};

/// Connects to the WebSocket of a tunnel, as a public client: no extension, no
/// credential beside the URL's.
pub(super) async fn connect(url: &str, headers: http::HeaderMap) -> WebSocket {
    let options = DialOptions {
        headers,
        timeout: patience(),
        max_message: 1 << 20,
    };
    let tls = client_config(&Trust::System).unwrap();
    dial(url, &tls, options).await.unwrap()
}

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A session over a WebSocket, driven in the background, as public peers are set up.
pub(super) fn session(socket: WebSocket) -> Session {
    let (session, mut driver) = Session::new(Pipe::new(socket), Config::version_1(), Role::Client);
    tokio::spawn(async move { driver.run().await });
    session
}

/// Opens a stream to `port`.
pub(super) async fn open(session: &Session, port: u16) -> Stream {
    let mut stream = session.open().unwrap();
    let line = format!("{{\"remote_port\":\"{port}\"}}\n");
    stream.split().1.send(line.into()).await.unwrap();
    stream
}

/// Reads `length` bytes.
pub(super) async fn read(stream: &mut Stream, length: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < length {
        let piece = soon(stream.split().0.recv()).await.unwrap();
        read.extend_from_slice(&piece.expect("the stream ended"));
    }
    read
}

/// Sends `text` and expects it back.
pub(super) async fn echoes(stream: &mut Stream, text: &'static str) {
    let data = Bytes::from_static(text.as_bytes());
    stream.split().1.send(data).await.unwrap();
    assert_eq!(read(stream, text.len()).await, text.as_bytes());
}

/// Waits until the stream is over, in whichever way.
pub(super) async fn over(stream: &mut Stream) {
    while let Ok(Some(_)) = soon(stream.split().0.recv()).await {}
}

/// Waits, but not for ever.
pub(super) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(patience().max(Duration::from_secs(1)), what)
        .await
        .expect("it takes too long")
}
