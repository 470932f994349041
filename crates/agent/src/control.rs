//! The control WebSocket (`agent-control.md` §7). It carries decisions about sudo
//! requests.

use std::time::Duration;

use protocol::agent::CONTROL_PATH;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::auth_socket::Approvals;
use crate::backoff::Backoff;
use crate::lifecycle::Lifecycle;
use crate::server::Server;
use crate::socket::Connection;

const MAX_DELAY: Duration = Duration::from_secs(60);

/// Keeps the connection until the daemon ends.
pub(crate) async fn run(server: Server, approvals: Approvals, lifecycle: Lifecycle) {
    let mut backoff = Backoff::new(MAX_DELAY);
    loop {
        tokio::select! {
            () = lifecycle.shutdown().cancelled() => return,
            () = connect_once(&server, &approvals, &mut backoff, &lifecycle) => {}
        }
        let delay = backoff.delay();
        tokio::select! {
            () = lifecycle.shutdown().cancelled() => return,
            () = tokio::time::sleep(delay) => {}
        }
    }
}

async fn connect_once(
    server: &Server,
    approvals: &Approvals,
    backoff: &mut Backoff,
    lifecycle: &Lifecycle,
) {
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
                Some(message) => take(approvals, message),
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

/// What is not a decision renews the connection's deadline and means nothing else.
fn take(approvals: &Approvals, mut message: Value) {
    if message.get("query").and_then(Value::as_str) != Some(protocol::sudo::CONTROL) {
        return;
    }
    if let Some(data) = message.get_mut("data") {
        approvals.decided(data.take());
    }
}
