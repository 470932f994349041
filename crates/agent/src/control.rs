//! The control WebSocket (`agent-control.md` §7). It carries decisions about sudo
//! requests, which this version does not make: messages are read and dropped.

use std::time::Duration;

use protocol::agent::CONTROL_PATH;
use reqwest::header::HeaderMap;

use crate::backoff::Backoff;
use crate::lifecycle::Lifecycle;
use crate::server::Server;
use crate::socket::Connection;

const MAX_DELAY: Duration = Duration::from_secs(60);

/// Keeps the connection until the daemon ends.
pub(crate) async fn run(server: Server, lifecycle: Lifecycle) {
    let mut backoff = Backoff::new(MAX_DELAY);
    loop {
        tokio::select! {
            () = lifecycle.shutdown().cancelled() => return,
            () = connect_once(&server, &mut backoff, &lifecycle) => {}
        }
        let delay = backoff.delay();
        tokio::select! {
            () = lifecycle.shutdown().cancelled() => return,
            () = tokio::time::sleep(delay) => {}
        }
    }
}

async fn connect_once(server: &Server, backoff: &mut Backoff, lifecycle: &Lifecycle) {
    let mut connection = match server.dial(CONTROL_PATH, HeaderMap::new()).await {
        Ok(socket) => Connection::new(socket),
        Err(error) => {
            tracing::debug!(%error, "no control connection");
            return;
        }
    };
    loop {
        tokio::select! {
            message = connection.next() => match message {
                Some(message) => tracing::debug!(query = ?message.get("query"), "control message"),
                None => break,
            },
            () = lifecycle.shutdown().cancelled() => break,
        }
    }
    if connection.was_stable() {
        backoff.reset();
    }
    connection.close().await;
}
