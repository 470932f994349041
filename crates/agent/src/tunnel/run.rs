//! One tunnel from its WebSocket to its end.

use std::sync::Arc;

use mux::{Config, Role, Session};
use protocol::auth::extension;
use protocol::tunnel::{EXTENSIONS_HEADER, INITIAL_WINDOW, OpenTunnel, close};
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::Semaphore;
use transport::pipe::Pipe;

use super::Shared;
use super::stream::Target;
use crate::executor::StopSignals;

/// Streams of one tunnel at once; more are refused.
const MAX_STREAMS: usize = 1024;
/// The server joins no frames, and none is longer than 64 KiB.
const MAX_MESSAGE: usize = 1024 * 1024;

/// Runs until either side ends it.
pub(super) async fn run(shared: &Arc<Shared>, order: OpenTunnel, stop: &StopSignals) {
    let id = order.session_id.clone();
    let dialled = tokio::select! {
        dialled = dial(shared, &order) => dialled,
        reason = stop.wait() => {
            tracing::info!(tunnel = id, ?reason, "not opened");
            return;
        }
    };
    let (pipe, config) = match dialled {
        Ok(dialled) => dialled,
        Err(error) => {
            tracing::warn!(tunnel = id, %error, "no connection for a tunnel");
            return;
        }
    };
    tracing::info!(tunnel = id, port = order.target_port, "tunnel opened");
    let is_precise = config.resets;
    let (session, mut driver) = Session::new(pipe, config, Role::Client);
    let target = Target {
        shared: shared.clone(),
        port: order.target_port,
        is_precise,
    };
    let code = tokio::select! {
        ended = driver.run() => {
            tracing::info!(tunnel = id, ?ended, "tunnel ended");
            return;
        }
        () = accept(&session, target, &shared.connections) => close::NORMAL,
        reason = stop.wait() => {
            tracing::info!(tunnel = id, ?reason, "tunnel closed");
            close::NORMAL
        }
    };
    driver.pipe_mut().close(code).await;
}

async fn dial(
    shared: &Shared,
    order: &OpenTunnel,
) -> Result<(Pipe, Config), transport::TransportError> {
    let is_precise = order
        .extensions
        .iter()
        .any(|name| name == extension::TUNNEL_MUX);
    let mut headers = HeaderMap::new();
    if is_precise {
        headers.insert(
            EXTENSIONS_HEADER,
            HeaderValue::from_static(extension::TUNNEL_MUX),
        );
    }
    let socket = shared
        .server
        .dial_url(&order.url, headers, MAX_MESSAGE)
        .await?;
    let dialect = if is_precise {
        Config {
            initial_window: INITIAL_WINDOW,
            ..Config::version_2()
        }
    } else {
        Config::version_1()
    };
    let config = Config {
        max_streams: MAX_STREAMS,
        ..dialect
    };
    Ok((Pipe::new(socket), config))
}

/// Serves streams until the session is over. Those beyond the agent's limit wait.
async fn accept(session: &Session, target: Target, permits: &Arc<Semaphore>) {
    let target = Arc::new(target);
    while let Ok(stream) = session.accept().await {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        let target = target.clone();
        tokio::spawn(async move {
            target.serve(stream).await;
            drop(permit);
        });
    }
}
