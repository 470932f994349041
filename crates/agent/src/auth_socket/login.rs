//! Reporting logins that did not come through us (`agent-channels.md` §8.2).

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::message::Login;
use crate::server::{Request, Server};

const PATH: &str = "/api/events/access/";
const ATTEMPT: Duration = Duration::from_secs(10);
const WINDOW: Duration = Duration::from_secs(25);
const FIRST_DELAY: Duration = Duration::from_secs(1);
const MAX_DELAY: Duration = Duration::from_secs(10);
/// Reports in flight; further ones are dropped.
const MAX_REPORTS: usize = 16;

/// Longest texts, in characters.
const MAX_USERNAME: usize = 128;
const MAX_SERVICE: usize = 64;
const MAX_REMOTE: usize = 255;
const MAX_TERMINAL: usize = 64;

#[derive(Debug, Serialize)]
struct Report {
    event_id: Uuid,
    username: String,
    service: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    rhost: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    tty: String,
    pid: i64,
    ppid: i64,
    timestamp: String,
}

/// Sends reports of logins; clones share the limit.
#[derive(Clone)]
pub(super) struct Logins {
    server: Server,
    places: Arc<Semaphore>,
}

impl Logins {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            places: Arc::new(Semaphore::new(MAX_REPORTS)),
        }
    }

    /// Reports a login, on a task of its own.
    pub(super) fn report(&self, login: &Login) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            tracing::warn!(
                user = login.username,
                service = login.service,
                "too many logins to report them all"
            );
            return;
        };
        let server = self.server.clone();
        let report = Report::of(login);
        tokio::spawn(async move {
            send(&server, &report).await;
            drop(place);
        });
    }
}

impl Report {
    fn of(login: &Login) -> Self {
        Self {
            event_id: Uuid::new_v4(),
            username: cut(&login.username, MAX_USERNAME),
            service: cut(&login.service, MAX_SERVICE),
            rhost: cut(&login.rhost, MAX_REMOTE),
            tty: cut(&login.tty, MAX_TERMINAL),
            pid: login.pid,
            ppid: login.ppid.max(0),
            timestamp: chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        }
    }
}

async fn send(server: &Server, report: &Report) {
    let Ok(body) = serde_json::to_vec(report) else {
        return;
    };
    let give_up = Instant::now() + WINDOW;
    let mut delay = FIRST_DELAY;
    loop {
        let mut request = Request::new(Method::POST, PATH, ATTEMPT);
        request.body = Some(body.clone());
        match server.send(request).await {
            Ok((status, _)) if status.is_success() => return,
            Ok((status, _)) if status.is_client_error() => {
                if status != StatusCode::NOT_FOUND {
                    tracing::warn!(%status, "a login was not taken");
                }
                return;
            }
            Ok((status, _)) => tracing::debug!(%status, "a login was not taken yet"),
            Err(error) => tracing::debug!(%error, "a login was not reported yet"),
        }
        if Instant::now() + delay >= give_up {
            tracing::warn!(user = report.username, "a login could not be reported");
            return;
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(MAX_DELAY);
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
