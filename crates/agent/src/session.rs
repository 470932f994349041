//! The session check: the daemon does nothing before the server knows it
//! (`agent-control.md` §5.4).

use std::time::Duration;

use serde::Deserialize;

use crate::backoff::Backoff;
use crate::server::Server;

const PATH: &str = "/api/servers/servers/-/";
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest delay between attempts.
const MAX_DELAY: Duration = Duration::from_secs(300);

/// The one field that matters; without it the answer is no session.
#[derive(Debug, Deserialize)]
struct Session {
    commissioned: bool,
}

/// Asks until the server answers; whether it holds our first commit. `None` when
/// nobody answered for days.
pub(crate) async fn check(server: &Server) -> Option<bool> {
    let mut backoff = Backoff::new(MAX_DELAY);
    loop {
        match server.get::<Session>(PATH, TIMEOUT).await {
            Ok(session) => return Some(session.commissioned),
            Err(error) if backoff.is_hopeless() => {
                tracing::error!(%error, "the server did not accept this agent for three days");
                return None;
            }
            Err(error) => {
                let delay = backoff.delay();
                tracing::warn!(%error, ?delay, "the server does not accept this agent yet");
                tokio::time::sleep(delay).await;
            }
        }
    }
}
