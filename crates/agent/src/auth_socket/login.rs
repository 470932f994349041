//! Reporting logins that did not come through us (`agent-channels.md` §8.2).

use std::sync::Arc;

use reqwest::StatusCode;
use serde::Serialize;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::delivery::deliver;
use super::message::Login;
use crate::server::Server;

const PATH: &str = "/api/events/access/";
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
    let is_final = |status: StatusCode| status.is_success() || status.is_client_error();
    match deliver(server, PATH, body, is_final).await {
        // The server's record of this host is gone, or never was.
        Some(StatusCode::NOT_FOUND) => {}
        Some(status) if status.is_success() => {}
        Some(status) => tracing::warn!(%status, "a login was not taken"),
        None => tracing::warn!(user = report.username, "a login could not be reported"),
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
