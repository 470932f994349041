//! The task of a file browser: waits for both sides, carries one request after the
//! other, and ends with whoever ends first.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use protocol::id::CommandId;
use protocol::webftp::{Entry, Request, Response, command, result};
use store::audit::Actor;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::end::End;
use super::judge::{Rules, Verdict, details, judge};
use super::kind::FileBrowsers;
use super::record;
use crate::http::PublicCtx;
use crate::rendezvous::{self, Arrivals, Live};

/// One request: a large tree takes its time.
const ANSWER_PATIENCE: Duration = Duration::from_secs(300);
/// A side must take a message within.
const SEND_PATIENCE: Duration = Duration::from_secs(30);
/// A peer has this long to take our close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Neither side keeps the line alive by itself.
const PING: Duration = Duration::from_secs(25);
/// A client that asks for nothing is let go.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// What the task of a session needs.
pub(super) struct Relay {
    pub(super) ctx: PublicCtx,
    pub(super) live: Arc<Live<FileBrowsers>>,
    pub(super) actor: Actor,
    pub(super) rules: Rules,
    /// The command that orders the agent to connect.
    pub(super) order: CommandId,
}

/// Both sides.
struct Sides {
    client: WebSocket,
    agent: WebSocket,
}

impl Relay {
    /// Runs the session to its end, and records it.
    pub(super) async fn run(self, arrivals: Arrivals<WebSocket>) {
        let end = match self.meet(arrivals).await {
            Ok(mut sides) => {
                let end = tokio::select! {
                    end = self.converse(&mut sides) => end,
                    end = self.live.stopped(&self.ctx.app) => end,
                };
                let Sides { client, agent } = sides;
                tokio::join!(farewell(client, end), farewell(agent, end));
                end
            }
            Err(end) => end,
        };
        self.ctx.app.file_browsers.remove(self.live.bond.id);
        tracing::info!(session = %self.live.bond.id, reason = end.reason(), "file browser ended");
        if let Err(error) = record::closed(self.whose(), end).await {
            tracing::error!(
                detail = error.detail,
                "the end of a file browser was not recorded"
            );
        }
    }

    fn whose(&self) -> record::Whose<'_> {
        (&self.ctx, &self.actor, &self.live.bond)
    }

    async fn meet(&self, arrivals: Arrivals<WebSocket>) -> Result<Sides, End> {
        let client = tokio::select! {
            arrived = rendezvous::client::<FileBrowsers>(arrivals.client) => arrived?,
            end = self.live.stopped(&self.ctx.app) => return Err(end),
        };
        let agent = rendezvous::agent::<FileBrowsers>(&self.ctx, self.order, arrivals.agent);
        let agent = tokio::select! {
            arrived = agent => arrived,
            end = self.live.stopped(&self.ctx.app) => Err(end),
        };
        match agent {
            Ok(agent) => Ok(Sides { client, agent }),
            Err(end) => {
                farewell(client, end).await;
                Err(end)
            }
        }
    }

    async fn converse(&self, sides: &mut Sides) -> End {
        // Where relative paths start is the host's to say, and ours to know.
        let first = Request {
            command: command::PWD.to_owned(),
            ..Request::default()
        };
        let mut cwd = match ask(&mut sides.agent, &first).await {
            Ok((_, response)) if response.data.path.starts_with('/') => response.data.path,
            Ok(_) => return End::AgentFailed,
            Err(end) => return end,
        };
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked = Instant::now();
        loop {
            let request = tokio::select! {
                heard = sides.client.recv() => match heard {
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Binary(_))) => return End::ClientFailed,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return End::ClientLeft,
                },
                heard = sides.agent.recv() => match heard {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    // Nothing was asked.
                    Some(Ok(Message::Text(_) | Message::Binary(_))) => return End::AgentFailed,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return End::AgentLeft,
                },
                _ = pings.tick() => {
                    if asked.elapsed() > IDLE {
                        return End::ClientIdle;
                    }
                    let ping = Message::Ping(Bytes::new());
                    let (to_client, to_agent) = tokio::join!(
                        send(&mut sides.client, ping.clone()),
                        send(&mut sides.agent, ping),
                    );
                    match (to_client, to_agent) {
                        (Err(()), _) => return End::ClientLeft,
                        (_, Err(())) => return End::AgentLeft,
                        (Ok(()), Ok(())) => continue,
                    }
                }
            };
            asked = Instant::now();
            let Ok(mut request) = serde_json::from_str::<Request>(&request) else {
                return End::ClientFailed;
            };
            let answer = match self.answer(&mut sides.agent, &mut request, &mut cwd).await {
                Ok(answer) => answer,
                Err(end) => return end,
            };
            if send(&mut sides.client, Message::Text(answer))
                .await
                .is_err()
            {
                return End::ClientLeft;
            }
        }
    }

    /// The answer to a request: the host's, or our own when it is not put to it.
    async fn answer(
        &self,
        agent: &mut WebSocket,
        request: &mut Request,
        cwd: &mut String,
    ) -> Result<Utf8Bytes, End> {
        let judged = judge(request, cwd, &self.rules).and_then(|verdict| {
            let origin = &self.rules.origin;
            origin.require_all(&self.ctx, details(request))?;
            Ok(verdict)
        });
        let verdict = match judged {
            Ok(verdict) => verdict,
            Err(refusal) => {
                let recorded = record::refused(self.whose(), request, &refusal).await;
                recorded.map_err(|_| End::NotRecorded)?;
                return own(
                    request,
                    result::DENIED,
                    &format!("permission denied: {}", refusal.detail),
                );
            }
        };
        if matches!(verdict, Verdict::Unknown) {
            return own(request, result::FAILED, "");
        }
        if request.command != command::PWD {
            // Nothing is put to a host before its record is durable.
            let recorded = record::asked(self.whose(), request).await;
            recorded.map_err(|_| End::NotRecorded)?;
        }
        let (text, response) = ask(agent, request).await?;
        if request.command == command::CWD && response.success {
            cwd.clone_from(&request.data.path);
        }
        if matches!(verdict, Verdict::Change) {
            let recorded = record::answered(self.whose(), request, &response).await;
            recorded.map_err(|_| End::NotRecorded)?;
        }
        Ok(text)
    }
}

/// Puts a request to the host and waits for its answer, which is read and passed on
/// as it is.
async fn ask(agent: &mut WebSocket, request: &Request) -> Result<(Utf8Bytes, Response), End> {
    let text = serde_json::to_string(request).map_err(|_| End::AgentFailed)?;
    let sent = send(agent, Message::Text(text.into())).await;
    sent.map_err(|()| End::AgentLeft)?;
    let answered = timeout(ANSWER_PATIENCE, async {
        loop {
            match agent.recv().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(End::AgentFailed),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::AgentLeft),
            }
        }
    });
    let text = answered.await.map_err(|_| End::AgentFailed)??;
    match serde_json::from_str::<Response>(&text) {
        Ok(response) if response.command == request.command => Ok((text, response)),
        _ => Err(End::AgentFailed),
    }
}

/// An answer of our own: it failed.
fn own(request: &Request, code: i64, message: &str) -> Result<Utf8Bytes, End> {
    let response = Response {
        command: request.command.clone(),
        success: false,
        code,
        data: Entry {
            message: message.to_owned(),
            ..Entry::default()
        },
    };
    let text = serde_json::to_string(&response).map_err(|_| End::ClientFailed)?;
    Ok(text.into())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    match timeout(SEND_PATIENCE, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

/// Closes a side, which is told why. One that does not read is left to find out.
async fn farewell(mut socket: WebSocket, end: End) {
    let frame = CloseFrame {
        code: end.close_code(),
        reason: Utf8Bytes::from_static(end.reason()),
    };
    drop(timeout(CLOSE_PATIENCE, socket.send(Message::Close(Some(frame)))).await);
}
