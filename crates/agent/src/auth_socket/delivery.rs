//! Bringing something before the server although it may be away for a moment.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use tokio::time::Instant;

use crate::server::{Request, Server};

/// For one attempt.
const ATTEMPT: Duration = Duration::from_secs(10);
/// For all attempts; one in flight may go beyond.
const WINDOW: Duration = Duration::from_secs(25);
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(10);

/// Posts `body` until the server's answer is final; `None` when the time is over.
pub(super) async fn deliver(
    server: &Server,
    path: &str,
    body: Vec<u8>,
    is_final: fn(StatusCode) -> bool,
) -> Option<StatusCode> {
    let give_up = Instant::now() + WINDOW;
    let mut delay = FIRST_DELAY;
    loop {
        let mut attempt = Request::new(Method::POST, path, ATTEMPT);
        attempt.body = Some(body.clone());
        match server.send(attempt).await {
            Ok((status, _)) if is_final(status) => return Some(status),
            Ok((status, _)) => tracing::info!(%status, path, "not taken"),
            Err(error) => tracing::info!(%error, path, "did not arrive"),
        }
        if Instant::now() + delay >= give_up {
            return None;
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(MAX_DELAY);
    }
}
