//! Terminals (`rest-operations.md` §6, `realtime-client.md` §4).

use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::websh::close;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use transport::websocket::WebSocket;

use crate::{Api, Error, page, path};

const SESSIONS: &str = "/api/websh/sessions/";
const CHANNELS: &str = "/api/websh/user-channels/";
/// TCP, TLS and the upgrade together.
const HANDSHAKE: Duration = Duration::from_secs(45);
const MAX_MESSAGE: usize = 16 * 1024 * 1024;
/// Close codes of a session that ended as it should.
const CLEAN: [u16; 3] = [close::NORMAL, 1000, 1001];

/// What is asked for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Request {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
    /// Server id.
    pub server: String,
    /// Account; empty: one's own.
    pub username: String,
    /// Group; empty: the account's own.
    pub groupname: String,
    /// Work session, where one is selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_session: Option<String>,
}

/// A way into a terminal.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Granted {
    /// Id of the session, or of the channel.
    pub id: String,
    /// Where to connect; holds a credential.
    pub websocket_url: String,
}

/// The address holds a credential.
impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Somebody or something by its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    /// Name.
    pub name: String,
}

/// A session, as a list shows it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Session {
    /// Id.
    pub id: String,
    /// Where.
    pub server: Named,
    /// Whose.
    pub user: Option<Named>,
    /// Account on the host.
    pub username: String,
    /// From where.
    pub remote_ip: String,
    /// As the server writes it.
    pub added_at: Option<String>,
    /// The same; none: open.
    pub closed_at: Option<String>,
}

/// A share link.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Share {
    /// Names the channel in its query.
    pub shared_url: String,
    /// What who joins has to say.
    pub password: String,
    /// Who joins may only look.
    pub read_only: bool,
    /// Until when one may join.
    #[serde(deserialize_with = "crate::decode::time")]
    pub expiration: Option<protocol::Time>,
}

/// Without the password.
impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share")
            .field("shared_url", &self.shared_url)
            .finish_non_exhaustive()
    }
}

/// A line of a recording.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// As the server writes it.
    pub added_at: String,
    /// The text.
    pub record: String,
}

fn of(session: &str, verb: &str) -> Result<String, Error> {
    match verb {
        "" => path::join(SESSIONS, &[session]),
        verb => path::join(SESSIONS, &[session, verb]),
    }
}

/// Asks for a terminal.
///
/// # Errors
/// When the server refuses or cannot be reached.
pub async fn open(api: &Api, request: &Request) -> Result<Granted, Error> {
    api.post(SESSIONS, request).await
}

/// Open sessions, newest first.
///
/// # Errors
/// When the call fails.
pub async fn list(api: &Api, limit: usize) -> Result<Vec<Session>, Error> {
    let open = [("is_connectable", "true".to_owned())];
    page::all(api, SESSIONS, &open, Some(limit)).await
}

/// A session as the server shows it.
///
/// # Errors
/// When the call fails.
pub async fn detail(api: &Api, session: &str) -> Result<Value, Error> {
    api.get_json(&of(session, "")?, &[]).await
}

/// Makes a share link.
///
/// # Errors
/// When the call fails.
pub async fn share(api: &Api, session: &str, read_only: bool) -> Result<Share, Error> {
    let body = json!({"read_only": read_only});
    api.post(&of(session, "share")?, &body).await
}

/// Invites people by mail.
///
/// # Errors
/// When the call fails.
pub async fn invite(
    api: &Api,
    session: &str,
    emails: &[String],
    read_only: bool,
) -> Result<(), Error> {
    let body = json!({"emails": emails, "read_only": read_only});
    api.post_ignoring(&of(session, "invite")?, &body).await
}

/// Closes a session of one's own; with `force`, anybody's.
///
/// # Errors
/// When the call fails.
pub async fn close(api: &Api, session: &str, force: bool) -> Result<(), Error> {
    let verb = if force { "force-close" } else { "close" };
    api.post_ignoring(&of(session, verb)?, &Value::Null).await
}

/// Tells the window's size.
///
/// # Errors
/// When the call fails; servers that do not know it answer 404 or 405.
pub async fn resize(api: &Api, session: &str, rows: u16, cols: u16) -> Result<(), Error> {
    let body = json!({"rows": rows, "cols": cols});
    api.patch_json(&of(session, "")?, &body).await.map(drop)
}

/// Asks to watch a session.
///
/// # Errors
/// When the call fails.
pub async fn watch(api: &Api, session: &str) -> Result<Granted, Error> {
    let body = json!({"session": session, "is_master": false, "read_only": true});
    api.post(CHANNELS, &body).await
}

/// Joins a shared session.
///
/// # Errors
/// When the call fails.
pub async fn join(api: &Api, channel: &str, password: &str) -> Result<Granted, Error> {
    let join = path::join(CHANNELS, &[channel, "join"])?;
    api.post(&join, &json!({"password": password})).await
}

/// The newest lines of a recording; with `query`, those that hold it.
///
/// # Errors
/// When the call fails.
pub async fn records(
    api: &Api,
    session: &str,
    query: Option<&str>,
    limit: usize,
) -> Result<Vec<Record>, Error> {
    match query {
        Some(query) => {
            let filter = [("q", query.to_owned())];
            page::newest(api, &of(session, "search")?, &filter, limit).await
        }
        None => page::newest(api, &of(session, "records")?, &[], limit).await,
    }
}

/// What the terminal shows, or how it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown {
    /// To be written as it is.
    Bytes(Vec<u8>),
    /// The session is over, as it should be.
    Over,
    /// It broke off: why, for people.
    Broken(String),
}

/// What is typed goes here.
pub struct Input(SplitSink<WebSocket, Message>);

/// What is shown comes from here.
pub struct Output(SplitStream<WebSocket>);

/// Connects to a terminal.
///
/// # Errors
/// When the WebSocket cannot be opened.
pub async fn connect(api: &Api, granted: &Granted) -> Result<(Input, Output), Error> {
    let dialer = api.dialer(HANDSHAKE, MAX_MESSAGE)?;
    let (sink, stream) = dialer.dial(&granted.websocket_url).await?.split();
    Ok((Input(sink), Output(stream)))
}

impl Input {
    /// Sends what was typed. False: the connection is gone, which [`Output::next`]
    /// explains.
    pub async fn send(&mut self, bytes: Vec<u8>) -> bool {
        self.0.send(Message::Binary(bytes.into())).await.is_ok()
    }
}

impl Output {
    /// What comes next. May be dropped at any moment without loss.
    pub async fn next(&mut self) -> Shown {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => Shown::Bytes(bytes.into()),
                Some(Ok(Message::Text(text))) => Shown::Bytes(text.as_bytes().to_vec()),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    match CLEAN.contains(&code) {
                        true => Shown::Over,
                        false => Shown::Broken(format!("the server closed it with code {code}")),
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => Shown::Broken(error.to_string()),
                None => Shown::Broken("the connection ended".to_owned()),
            };
        }
    }
}
