//! A server that speaks the public protocol, small enough to be read. Ids are no
//! UUIDs on purpose: clients must not care.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::fake_files::Files;
use crate::tls::Tls;

/// What a submitted command does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// Output, one element per chunk.
    pub(crate) chunks: Vec<&'static str>,
    /// Which chunks the event channel delivers, in this order.
    pub(crate) live: Vec<usize>,
    /// Detail of the command; its id is added.
    pub(crate) detail: Value,
    /// The event channel closes instead of delivering.
    pub(crate) drops_channel: bool,
    /// A streamed answer breaks after this many lines.
    pub(crate) cut_after: Option<usize>,
    /// So many first reads of the detail answer this instead.
    pub(crate) early: Option<(usize, Value)>,
    /// So many first reads of the chunks find none.
    pub(crate) hidden_reads: usize,
}

/// What the server accepts.
const CREDENTIALS: [&str; 4] = [
    "token=\"sess-1\"",
    "token=\"alpat-1\"",
    "Bearer jwt-1",
    "Bearer jwt-2",
];

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: String,
    pub(crate) accept: String,
    pub(crate) body: Value,
}

/// A prepared answer: status, content type, body.
type Answer = (u16, &'static str, String);

#[derive(Default)]
struct Model {
    requests: Vec<Request>,
    answers: BTreeMap<(String, String), Answer>,
    once: BTreeMap<(String, String), Answer>,
    extensions: Vec<&'static str>,
    script: Script,
    sessions: BTreeMap<String, Value>,
    created_status: Option<&'static str>,
    detail_reads: usize,
    chunk_reads: usize,
    token_polls: usize,
    events: Vec<Value>,
    files: Files,
    channel: Option<mpsc::UnboundedSender<Message>>,
}

/// A running server. It ends with its runtime when dropped.
pub(crate) struct Fake {
    url: String,
    model: Arc<Mutex<Model>>,
    certificate: Option<String>,
    _runtime: tokio::runtime::Runtime,
}

impl Fake {
    pub(crate) fn start() -> Self {
        Self::serve(None)
    }

    /// With TLS and a certificate of its own, see [`Fake::certificate`].
    pub(crate) fn start_tls() -> Self {
        Self::serve(Some(Tls::new()))
    }

    fn serve(tls: Option<Tls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let s = if tls.is_some() { "s" } else { "" };
        let shared = Handle {
            model: Arc::default(),
            ws: format!("ws{s}://{authority}"),
            authority: authority.clone(),
        };
        let model = shared.model.clone();
        let router = Router::new()
            .route("/ws/event/", any(event_channel))
            .fallback(rest)
            .with_state(shared);
        let certificate = tls.as_ref().map(|tls| tls.certificate.clone());
        match tls {
            None => runtime.spawn(async move { axum::serve(listener, router).await }),
            Some(tls) => {
                runtime.spawn(async move { axum::serve(tls.over(listener), router).await })
            }
        };
        Self {
            url: format!("http{s}://{authority}"),
            model,
            certificate,
            _runtime: runtime,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// The certificate to trust, PEM.
    pub(crate) fn certificate(&self) -> &str {
        self.certificate.as_deref().unwrap()
    }

    /// The event channel delivers these after a subscription to work sessions.
    pub(crate) fn announcing(self, events: &[Value]) -> Self {
        self.model().events = events.to_vec();
        self
    }

    /// Commands do this from now on.
    pub(crate) fn script(self, script: Script) -> Self {
        self.model().script = script;
        self
    }

    /// Named in the auth environment.
    pub(crate) fn offering(self, extension: &'static str) -> Self {
        self.model().extensions.push(extension);
        self
    }

    /// What transfers do.
    pub(crate) fn serving(self, files: Files) -> Self {
        self.model().files = files;
        self
    }

    /// What was put and delivered so far: path and content.
    pub(crate) fn delivered(&self) -> Vec<(String, Vec<u8>)> {
        self.model().files.delivered()
    }

    /// New work sessions start in this state instead of `active`.
    pub(crate) fn creating(self, status: &'static str) -> Self {
        self.model().created_status = Some(status);
        self
    }

    /// Answers this instead of what the model would.
    pub(crate) fn answering(
        self,
        method: &str,
        path: &str,
        status: u16,
        content_type: &'static str,
        body: &str,
    ) -> Self {
        let key = (method.to_owned(), path.to_owned());
        let answer = (status, content_type, body.to_owned());
        self.model().answers.insert(key, answer);
        self
    }

    /// Like [`Fake::answering`], with JSON.
    pub(crate) fn answering_json(
        self,
        method: &str,
        path: &str,
        status: u16,
        body: &Value,
    ) -> Self {
        self.answering(method, path, status, "application/json", &body.to_string())
    }

    /// Queries of the reads of the command's chunks.
    pub(crate) fn chunk_reads(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .filter(|request| request.path.ends_with("/chunks/"))
            .map(|request| request.query)
            .collect()
    }

    /// Answers this to the first such request only.
    pub(crate) fn answering_once(self, method: &str, path: &str, status: u16, body: &str) -> Self {
        let key = (method.to_owned(), path.to_owned());
        let answer = (status, "application/json", body.to_owned());
        self.model().once.insert(key, answer);
        self
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.model().requests.clone()
    }

    /// Bodies posted to `path`.
    pub(crate) fn posted(&self, path: &str) -> Vec<Value> {
        self.requests()
            .into_iter()
            .filter(|request| request.method == "POST" && request.path == path)
            .map(|request| request.body)
            .collect()
    }

    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }
}

#[derive(Clone)]
struct Handle {
    model: Arc<Mutex<Model>>,
    ws: String,
    authority: String,
}

impl Handle {
    /// Base URL.
    fn url(&self) -> String {
        self.ws.replacen("ws", "http", 1)
    }
}

async fn event_channel(Shared(shared): Shared<Handle>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| serve_channel(shared, socket))
}

async fn serve_channel(shared: Handle, mut socket: WebSocket) {
    let (sender, mut messages) = mpsc::unbounded_channel();
    shared.model.lock().unwrap().channel = Some(sender);
    while let Some(message) = messages.recv().await {
        let closes = matches!(message, Message::Close(_));
        if socket.send(message).await.is_err() || closes {
            return;
        }
    }
}

async fn rest(
    Shared(shared): Shared<Handle>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| {
        headers
            .get(name)
            .map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    let request = Request {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        authorization: header("authorization"),
        accept: header("accept"),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let mut model = shared.model.lock().unwrap();
    model.requests.push(request.clone());
    if let Some(id) = request.path.strip_prefix("/store/") {
        assert_eq!(
            request.authorization, "",
            "a store gets no credential of ours"
        );
        return model.files.store(&method, id, &headers, &body);
    }
    let key = (request.method.clone(), request.path.clone());
    let once = model.once.remove(&key);
    if let Some((status, content_type, body)) = once.or_else(|| model.answers.get(&key).cloned()) {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, [("content-type", content_type)], body).into_response();
    }
    model.respond(&request, &shared)
}

impl Model {
    fn respond(&mut self, request: &Request, server: &Handle) -> Response {
        if request.path.starts_with("/oauth/") {
            return self.oauth(&request.path, &request.body);
        }
        let ws = &server.ws;
        let path: Vec<&str> = request.path.trim_matches('/').split('/').skip(1).collect();
        let body = &request.body;
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["auth", "env"]) => ok(json!({
                "auth0": {
                    "method": if ws.starts_with("wss") { "auth0" } else { "password" },
                    "client_id": "cli", "domain": server.authority, "audience": "api",
                    "schema_name": "acme",
                },
                "language": null,
                "extensions": self.extensions,
            })),
            ("POST", ["auth", "login"]) if body["password"] == "s3cret" => {
                ok(json!({"token": "sess-1", "expires_at": "2099-01-01T00:00:00Z"}))
            }
            ("POST", ["auth", "login"]) => refuse(401, "", "Wrong username or password."),
            _ if !CREDENTIALS.contains(&request.authorization.as_str()) => {
                refuse(401, "", "Invalid token.")
            }
            ("GET", ["status"]) => ok(json!({})),
            ("GET", ["auth", "whoami"]) => ok(json!({
                "principal_type": "user", "application": null,
                "work_session_required": request.authorization.contains("sess-"),
            })),
            ("GET", ["auth0", "mfa"]) => ok(json!({"mfa_url": "https://login.example.com/mfa"})),
            ("GET", ["auth0", "mfa", "completion"]) => ok(json!({"completed": true})),
            ("POST", ["auth0", "token", "blacklist"]) => ok(json!({})),
            ("POST", ["auth", "logout"]) => ok(json!({})),
            ("GET", ["iam", "users", "-"]) => ok(json!({
                "id": "u-1", "username": "admin", "email": null, "uid": 1000, "is_superuser": true,
            })),
            ("GET", ["iam", "memberships"]) => {
                list(vec![json!({"group_name": "ops", "role": "owner"})])
            }
            ("GET", ["servers", "servers"]) => list(servers(&request.query)),
            ("GET", ["servers", "servers", "s-1"]) => {
                ok(json!({"name": "web-01", "id": "s-1", "extra": {"kept": [1.5, null]}}))
            }
            ("POST", ["events", "sessions"]) => ok(json!({
                "id": "es-1", "channel_id": "ch-1", "websocket_url": format!("{ws}/ws/event/"),
            })),
            ("POST", ["events", "subscriptions"]) => self.subscribe(body),
            ("POST", ["events", "commands"]) => self.submit(request),
            ("GET", ["events", "commands", "c-1"]) => ok(self.detail()),
            ("GET", ["events", "commands", _id, "chunks"]) => list(self.chunks(&request.query)),
            ("GET", ["events", "commands", ..]) if request.query.contains("page") => {
                list(vec![self.detail()])
            }
            ("GET", ["events", "commands", _id]) => ok(self.detail()),
            ("GET", ["history", "webftp-logs"]) => ok(json!({
                "next": null, "results": [{
                    "server": "web-01", "file_name": "a\u{1b}[31m.txt", "action": "upload", "size": 5,
                    "success": true, "user": "admin", "remote_ip": "10.0.0.1", "added_at": null,
                }],
            })),
            (method, ["webftp", rest @ ..]) => {
                let url = server.url();
                self.files.respond(method, rest, body, &url)
            }
            (_, ["work-sessions", "sessions", rest @ ..]) => {
                self.work_session(&request.method, rest, body)
            }
            _ => refuse(404, "", "Not found."),
        }
    }

    /// The login server: the second poll finds the login done.
    fn oauth(&mut self, path: &str, body: &Value) -> Response {
        match (path, body["grant_type"].as_str()) {
            ("/oauth/device/code/", _) => ok(json!({
                "device_code": "dc-1", "user_code": "ABCD-EFGH", "expires_in": 60, "interval": 1,
                "verification_uri_complete": "https://login.example.com/activate?c=ABCD-EFGH",
            })),
            ("/oauth/token/", Some("refresh_token")) if body["refresh_token"] != "revoked" => {
                ok(json!({"access_token": "jwt-2", "refresh_token": "rt-2", "expires_in": 3600}))
            }
            ("/oauth/token/", Some("refresh_token")) => ok(json!({"error": "invalid_grant"})),
            ("/oauth/token/", _) => {
                self.token_polls += 1;
                if self.token_polls == 1 {
                    return (
                        StatusCode::FORBIDDEN,
                        axum::Json(json!({"error": "authorization_pending"})),
                    )
                        .into_response();
                }
                ok(json!({"access_token": "jwt-1", "refresh_token": "rt-1", "expires_in": 3600}))
            }
            _ => ok(json!({})),
        }
    }

    fn subscribe(&mut self, body: &Value) -> Response {
        let Some(channel) = &self.channel else {
            return refuse(
                400,
                "channel_not_connected",
                "The channel is not connected.",
            );
        };
        let script = &self.script;
        if body["event_type"] == "work_session" {
            for event in &self.events {
                channel.send(Message::text(event.to_string())).unwrap();
            }
        }
        if body["event_type"] == "command_output" && script.drops_channel {
            channel.send(Message::Close(None)).unwrap();
        }
        if body["event_type"] == "command_fin" && !script.drops_channel {
            for seq in &script.live {
                let payload =
                    json!({"command_id": "c-1", "seq": seq, "content": script.chunks[*seq]});
                let frame = json!({"event_type": "command_output", "payload": payload});
                channel.send(Message::text(frame.to_string())).unwrap();
            }
            let fin = json!({"event_type": "command_fin", "payload": {"id": "c-1"}});
            channel.send(Message::text(fin.to_string())).unwrap();
        }
        ok(json!({}))
    }

    fn submit(&mut self, request: &Request) -> Response {
        let is_login = request.authorization.contains("sess-");
        if is_login && request.body["work_session"].is_null() {
            return refuse(403, "work_session_required", "Select a work session first.");
        }
        let submitted = json!({"id": "c-1", "server": {"id": "s-1", "name": "web-01"}});
        if request.accept != "application/x-ndjson" || !self.extensions.contains(&"exec-stream/1") {
            return ok(json!([submitted]));
        }
        let mut lines = vec![json!({"event": "submitted", "command": submitted})];
        for (seq, content) in self.script.chunks.iter().enumerate() {
            lines.push(json!({"event": "output", "seq": seq, "content": content}));
        }
        let detail = self.detail();
        let event = match detail["status"].as_str() {
            Some("awaiting_approval") => "held",
            _ => "finished",
        };
        lines.push(json!({"event": event, "command": detail}));
        stream_lines(&lines, self.script.cut_after)
    }

    fn detail(&mut self) -> Value {
        self.detail_reads += 1;
        let mut detail = match &self.script.early {
            Some((reads, early)) if self.detail_reads <= *reads => early.clone(),
            _ => self.script.detail.clone(),
        };
        detail["id"] = json!("c-1");
        detail["server"] = json!({"id": "s-1", "name": "web-01", "os": null});
        detail
    }

    fn chunks(&mut self, query: &str) -> Vec<Value> {
        self.chunk_reads += 1;
        if self.chunk_reads <= self.script.hidden_reads {
            return Vec::new();
        }
        let bound = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .and_then(|value| value.parse::<usize>().ok())
        };
        let (from, to) = (bound("seq__gte"), bound("seq__lte"));
        let is_wanted = |seq: usize| seq >= from.unwrap_or(0) && seq <= to.unwrap_or(usize::MAX);
        self.script
            .chunks
            .iter()
            .enumerate()
            .filter(|(seq, _)| is_wanted(*seq))
            .map(|(seq, content)| json!({"seq": seq, "content": content}))
            .collect()
    }

    fn work_session(&mut self, method: &str, rest: &[&str], body: &Value) -> Response {
        match (method, rest) {
            ("POST", []) => {
                let mut session = body.clone();
                session["id"] = json!("ws-1");
                session["status"] = json!(self.created_status.unwrap_or("active"));
                session["servers"] = json!([{"id": "s-1", "name": "web-01", "os": null}]);
                session["approval_request_id"] = json!("apr-1");
                session["future"] = json!("unknown to the client");
                self.sessions.insert("ws-1".to_owned(), session.clone());
                (StatusCode::CREATED, axum::Json(session)).into_response()
            }
            ("GET", []) => list(self.sessions.values().cloned()),
            ("GET", [id]) => match self.sessions.get(*id) {
                Some(session) => ok(session.clone()),
                None => refuse(404, "work_session_not_found", "No such work session."),
            },
            ("POST", [_id, "approve" | "reject"]) => {
                refuse(403, "", "Decide in the console; this credential may not.")
            }
            ("POST", [_id, _action]) => ok(json!({})),
            ("GET", [_id, "timeline"]) => list(vec![
                json!({"type": "command", "id": "c-1", "server_id": "s-1", "timestamp": null,
                       "line": "uptime", "success": true, "username": null}),
            ]),
            _ => refuse(404, "", "Not found."),
        }
    }
}

fn servers(query: &str) -> Vec<Value> {
    let server = json!({
        "id": "s-1", "name": "web-01", "remote_ip": "10.0.0.5", "os_name": "Debian",
        "os_version": "13", "is_connected": true, "owner": null, "groups": null,
    });
    match query.split('&').find_map(|pair| pair.strip_prefix("name=")) {
        Some("web-01") | None => vec![server],
        Some(_) => Vec::new(),
    }
}

pub(crate) fn ok(body: Value) -> Response {
    axum::Json(body).into_response()
}

fn list(rows: impl IntoIterator<Item = Value>) -> Response {
    let rows: Vec<Value> = rows.into_iter().collect();
    ok(page(&rows))
}

/// A list that fits one page.
pub(crate) fn page(rows: &[Value]) -> Value {
    json!({
        "count": rows.len(), "current": 1, "next": null, "previous": null, "last": 1,
        "results": rows,
    })
}

pub(crate) fn refuse(status: u16, code: &str, detail: &str) -> Response {
    let mut body = json!({"source": "test", "detail": detail});
    if !code.is_empty() {
        body["code"] = json!(code);
    }
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// One JSON object per line, with an empty keep-alive line in between. A cut comes
/// after everything before it was sent: a body that is not ready gets flushed.
fn stream_lines(lines: &[Value], cut_after: Option<usize>) -> Response {
    let text: String = lines
        .iter()
        .take(cut_after.unwrap_or(usize::MAX))
        .map(|line| format!("{line}\n\n"))
        .collect();
    let sent = stream::iter([Ok::<_, std::io::Error>(text)]);
    let cut = stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut"))
    });
    let body = if cut_after.is_some() {
        Body::from_stream(sent.chain(cut))
    } else {
        Body::from_stream(sent)
    };
    ([("content-type", "application/x-ndjson")], body).into_response()
}
