//! The backhaul: the WebSocket on which orders arrive (`agent-control.md` §6).

use std::time::Duration;

use protocol::agent::{AgentMessage, BACKHAUL_PATH, ServerMessage};
use protocol::auth::extension::{EXEC_GUARD, REPORT_BATCH, SIGNED_ORDERS};
use protocol::order::{CHANNEL_HEADER, EXTENSIONS_HEADER};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::backoff::Backoff;
use crate::dispatch::Dispatcher;
use crate::lifecycle::{Exit, Lifecycle};
use crate::orders::Channel;
use crate::random;
use crate::reporter::Reporter;
use crate::server::Server;
use crate::socket::Connection;

const MAX_DELAY: Duration = Duration::from_secs(60);

/// What the backhaul needs.
pub(crate) struct Backhaul {
    /// Where to connect.
    pub(crate) server: Server,
    /// Learns what the server offers.
    pub(crate) reporter: Reporter,
    /// Carries out orders.
    pub(crate) dispatcher: Dispatcher,
    /// Ends with the daemon, or ends it.
    pub(crate) lifecycle: Lifecycle,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Lost,
    /// The server asked for a new one.
    Reconnect,
    Shutdown,
}

impl Backhaul {
    /// Connects again and again until the daemon ends.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::new(MAX_DELAY);
        loop {
            let end = tokio::select! {
                () = self.lifecycle.shutdown().cancelled() => return,
                end = self.connect(&mut backoff) => end,
            };
            if end == End::Shutdown {
                return;
            }
            if backoff.is_hopeless() {
                tracing::error!("no backhaul for three days; giving up");
                self.lifecycle.end(Exit::GaveUp);
                return;
            }
            if end == End::Reconnect {
                continue;
            }
            let delay = backoff.delay();
            tracing::debug!(?delay, "next backhaul connection");
            tokio::select! {
                () = self.lifecycle.shutdown().cancelled() => return,
                () = tokio::time::sleep(delay) => {}
            }
        }
    }

    async fn connect(&self, backoff: &mut Backoff) -> End {
        let (mut connection, channel) = match self.dial().await {
            Ok(dialled) => dialled,
            Err(error) => {
                tracing::warn!(%error, "no backhaul connection");
                return End::Lost;
            }
        };
        tracing::info!("backhaul connected");
        let end = self.serve(&mut connection, channel).await;
        let was_stable = connection.was_stable();
        if was_stable {
            backoff.reset();
        }
        connection.close().await;
        tracing::info!(?end, "backhaul closed");
        match end {
            // Asked for again at once: that is a failure in disguise.
            End::Reconnect if !was_stable => End::Lost,
            end => end,
        }
    }

    async fn dial(&self) -> anyhow::Result<(Connection, Channel)> {
        let value = random::token()?;
        let mut extensions = format!("{SIGNED_ORDERS}, {REPORT_BATCH}");
        if self.dispatcher.can_guard() {
            extensions.push_str(&format!(", {EXEC_GUARD}"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CHANNEL_HEADER, HeaderValue::from_str(&value)?);
        headers.insert(EXTENSIONS_HEADER, HeaderValue::from_str(&extensions)?);
        let socket = self.server.dial(BACKHAUL_PATH, headers).await?;
        Ok((Connection::new(socket), Channel::new(value)))
    }

    async fn serve(&self, connection: &mut Connection, mut channel: Channel) -> End {
        let mut first = true;
        loop {
            let message = tokio::select! {
                message = connection.next() => message,
                () = self.lifecycle.shutdown().cancelled() => return End::Shutdown,
            };
            let Some(message) = message else {
                return End::Lost;
            };
            if std::mem::take(&mut first) {
                self.reporter.hurry();
            }
            if let Some(end) = self.handle(message, connection, &mut channel).await {
                return end;
            }
            if channel.is_exhausted() {
                tracing::info!("renewing the channel");
                return End::Reconnect;
            }
        }
    }

    async fn handle(
        &self,
        message: Value,
        connection: &mut Connection,
        channel: &mut Channel,
    ) -> Option<End> {
        let query = query_of(&message);
        match serde_json::from_value(message) {
            Ok(ServerMessage::Ping { extensions }) => {
                let offered = extensions.iter().any(|name| name == REPORT_BATCH);
                self.reporter.set_batching(offered);
                if offered {
                    connection.expect_pings();
                }
                if !connection.send(pong()).await {
                    return Some(End::Lost);
                }
            }
            Ok(ServerMessage::Command { command }) => self.dispatcher.command(*command, channel),
            Ok(ServerMessage::Cancel { id, order }) => self.dispatcher.cancel(id, &order, channel),
            Ok(ServerMessage::Answer { id, order }) => self.dispatcher.answer(id, &order, channel),
            Ok(ServerMessage::Quit { reason }) => {
                tracing::info!(reason, "the server ends this agent");
                self.lifecycle.end(Exit::Retire);
            }
            Ok(ServerMessage::Reconnect { reason }) => {
                tracing::info!(reason, "the server wants a new connection");
                return Some(End::Reconnect);
            }
            Ok(ServerMessage::Unknown) => tracing::warn!(query, "ignoring an unknown query"),
            Err(error) => tracing::warn!(%error, query, "ignoring a malformed message"),
        }
        None
    }
}

fn query_of(message: &Value) -> String {
    message
        .get("query")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .chars()
        .take(64)
        .collect()
}

fn pong() -> String {
    let pong = AgentMessage::Pong {
        timestamp: chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    };
    // The type holds nothing JSON cannot express.
    let mut text = serde_json::to_string(&pong).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_is_a_line_of_json() {
        let text = pong();
        assert!(text.ends_with("Z\"}\n"), "{text}");
        assert!(
            text.starts_with("{\"query\":\"pong\",\"timestamp\":\"2"),
            "{text}"
        );
    }
}
