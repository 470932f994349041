//! A control plane that records what an agent says and sends what a test wants.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::agent::{BACKHAUL_PATH, CONTROL_PATH, REPORTS_PATH};
use protocol::id::{CommandId, ServerId};
use protocol::order::{CHANNEL_HEADER, Order, SignedOrder, signing_input};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

/// Far longer than anything here takes; only a failing test waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Something the agent did.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// A backhaul was opened.
    Connected { headers: HeaderMap, when: Instant },
    /// A message on the backhaul.
    Message(Value),
    /// A report about a command that was accepted.
    Report(Value),
    /// A request with reports that was turned away.
    TurnedAway(String),
    /// A request that gets no answer.
    Unanswered(String),
    /// Any other request.
    Request {
        method: Method,
        path: String,
        headers: HeaderMap,
        body: Value,
    },
}

/// What differs between control planes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Ours: signed orders and batched reports. Otherwise only what the public
    /// agent needs.
    pub(crate) extended: bool,
}

pub(crate) struct ControlPlane {
    shared: Arc<Shared>,
    pub(crate) url: String,
}

struct Shared {
    server: ServerId,
    signer: Ed25519KeyPair,
    options: Options,
    seen: Mutex<Vec<Seen>>,
    changed: Notify,
    backhaul: Mutex<Option<mpsc::UnboundedSender<String>>>,
    /// Reports get 503.
    down: AtomicBool,
    /// Backhauls are accepted and closed.
    closing: AtomicBool,
    commissioned: AtomicBool,
    /// Nothing but reports is answered.
    stuck: AtomicBool,
}

impl ControlPlane {
    /// Ours, with all additions.
    pub(crate) async fn start() -> Self {
        Self::with(Options { extended: true }).await
    }

    /// One that knows nothing of our additions.
    pub(crate) async fn public() -> Self {
        Self::with(Options { extended: false }).await
    }

    async fn with(options: Options) -> Self {
        let shared = Arc::new(Shared {
            server: ServerId::new(),
            signer: Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap(),
            options,
            seen: Mutex::default(),
            changed: Notify::new(),
            backhaul: Mutex::default(),
            down: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            commissioned: AtomicBool::new(true),
            stuck: AtomicBool::new(false),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(handle).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, url }
    }

    pub(crate) fn server(&self) -> ServerId {
        self.shared.server
    }

    /// Turns reports away, or takes them again.
    pub(crate) fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::SeqCst);
    }

    /// Accepts backhauls only to close them, or keeps them again.
    pub(crate) fn set_closing(&self, closing: bool) {
        self.shared.closing.store(closing, Ordering::SeqCst);
    }

    pub(crate) fn set_commissioned(&self, commissioned: bool) {
        self.shared
            .commissioned
            .store(commissioned, Ordering::SeqCst);
    }

    /// Leaves everything but reports without an answer.
    pub(crate) fn set_stuck(&self, stuck: bool) {
        self.shared.stuck.store(stuck, Ordering::SeqCst);
    }

    /// Sends a message on the newest backhaul.
    pub(crate) fn send(&self, message: &Value) {
        let backhaul = self.shared.backhaul.lock().unwrap();
        let backhaul = backhaul.as_ref().expect("the agent is not connected");
        backhaul.send(message.to_string()).unwrap();
    }

    /// Waits until `find` finds something in what was seen so far.
    pub(crate) async fn until<T>(&self, find: impl Fn(&[Seen]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if let Some(found) = find(&self.shared.seen.lock().unwrap()) {
                    return found;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!(
                "never seen; instead: {:#?}",
                self.shared.seen.lock().unwrap()
            ),
        }
    }

    /// Waits for the `count`th backhaul; its headers.
    pub(crate) async fn connection(&self, count: usize) -> HeaderMap {
        self.until(|seen| connections(seen).nth(count - 1).map(|(headers, _)| headers))
            .await
    }

    /// When each backhaul was opened.
    pub(crate) fn connection_times(&self) -> Vec<Instant> {
        let seen = self.shared.seen.lock().unwrap();
        connections(&seen).map(|(_, when)| when).collect()
    }

    /// The channel value of the newest backhaul.
    pub(crate) fn channel(&self) -> String {
        let seen = self.shared.seen.lock().unwrap();
        let (headers, _) = connections(&seen).last().expect("no backhaul yet");
        headers[CHANNEL_HEADER].to_str().unwrap().to_owned()
    }

    /// An order for the newest backhaul, as a test may change it.
    pub(crate) fn order(&self, line: &str) -> Order {
        Order {
            server: self.server(),
            id: CommandId::new(),
            shell: "system".into(),
            line: line.into(),
            channel: self.channel(),
            nonce: CommandId::new().to_string(),
            valid_for_ms: 60_000,
            ..Order::default()
        }
    }

    pub(crate) fn sign(&self, order: &Order) -> SignedOrder {
        let payload = serde_json::to_string(order).unwrap();
        let signature = self.shared.signer.sign(&signing_input(&payload));
        SignedOrder {
            signature: STANDARD.encode(signature.as_ref()),
            payload,
            key_id: "test-key".into(),
        }
    }

    /// Signs and sends an order; the command's id.
    pub(crate) fn dispatch(&self, order: &Order) -> CommandId {
        self.send(&command(order.id, &self.sign(order)));
        order.id
    }

    /// Runs a line as the agent's own account; its end.
    pub(crate) async fn run(&self, line: &str) -> Value {
        let id = self.dispatch(&self.order(line));
        self.fin(id).await
    }

    /// Waits for a command's end.
    pub(crate) async fn fin(&self, id: CommandId) -> Value {
        self.report(id, "fin").await
    }

    /// Waits for a report of a kind about a command.
    pub(crate) async fn report(&self, id: CommandId, kind: &str) -> Value {
        self.until(|seen| reports(seen, id).find(|report| report["report"] == kind))
            .await
    }

    /// All accepted reports about a command, in order of arrival.
    pub(crate) fn reports(&self, id: CommandId) -> Vec<Value> {
        reports(&self.shared.seen.lock().unwrap(), id).collect()
    }

    /// The output of a command, put together from its pieces.
    pub(crate) fn output(&self, id: CommandId) -> String {
        let mut pieces: Vec<_> = self
            .reports(id)
            .into_iter()
            .filter(|report| report["report"] == "chunk")
            .map(|chunk| {
                let content = chunk["content"].as_str().unwrap().to_owned();
                (chunk["seq"].as_i64().unwrap(), content)
            })
            .collect();
        pieces.sort_by_key(|(seq, _)| *seq);
        pieces.into_iter().map(|(_, content)| content).collect()
    }

    /// Waits for a request other than reports; its headers and body.
    pub(crate) async fn request(&self, method: Method, path: &str) -> (HeaderMap, Value) {
        self.until(|seen| {
            seen.iter().find_map(|one| match one {
                Seen::Request {
                    method: m,
                    path: p,
                    headers,
                    body,
                } if *m == method && p == path => Some((headers.clone(), body.clone())),
                _ => None,
            })
        })
        .await
    }
}

/// A backhaul message with a signed order; the public fields say nothing.
pub(crate) fn command(id: CommandId, order: &SignedOrder) -> Value {
    json!({"query": "command", "command": {"id": id, "shell": "system", "line": "", "user": "",
        "group": "", "env": {}, "order": order}})
}

fn connections(seen: &[Seen]) -> impl Iterator<Item = (HeaderMap, Instant)> {
    seen.iter().filter_map(|one| match one {
        Seen::Connected { headers, when } => Some((headers.clone(), *when)),
        _ => None,
    })
}

/// The accepted reports about a command in what was seen.
pub(crate) fn reports(seen: &[Seen], id: CommandId) -> impl Iterator<Item = Value> {
    let id = id.to_string();
    seen.iter().filter_map(move |one| match one {
        Seen::Report(report) if report["command"] == id => Some(report.clone()),
        _ => None,
    })
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    match path.as_str() {
        BACKHAUL_PATH => {
            let headers = parts.headers.clone();
            let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
            return upgrade
                .unwrap()
                .on_upgrade(move |socket| shared.clone().backhaul(headers, socket));
        }
        CONTROL_PATH => {
            let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
            return upgrade
                .unwrap()
                .on_upgrade(|mut socket| async move { while socket.recv().await.is_some() {} });
        }
        _ => {}
    }
    let body = body_of(body).await;
    if shared.stuck.load(Ordering::SeqCst) && shared.reports_in(&path, &body).is_none() {
        shared.record(Seen::Unanswered(path));
        return std::future::pending().await;
    }
    shared.answer(&parts.method, path, parts.headers, body)
}

async fn body_of(body: Body) -> Value {
    let bytes = to_bytes(body, 64 * 1024 * 1024).await.unwrap();
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(&bytes).unwrap()
}

impl Shared {
    fn record(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
        self.changed.notify_waiters();
    }

    async fn backhaul(self: Arc<Self>, headers: HeaderMap, mut socket: WebSocket) {
        let when = Instant::now();
        if self.closing.load(Ordering::SeqCst) {
            let _closed = socket.send(Message::Close(None)).await;
            self.record(Seen::Connected { headers, when });
            return;
        }
        let (sender, mut messages) = mpsc::unbounded_channel();
        *self.backhaul.lock().unwrap() = Some(sender);
        let ping = if self.options.extended {
            json!({"query": "ping", "extensions": ["report-batch/1"]})
        } else {
            json!({"query": "ping"})
        };
        let _sent = socket.send(Message::text(ping.to_string())).await;
        self.record(Seen::Connected { headers, when });
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(text) => {
                        let _sent = socket.send(Message::text(text)).await;
                    }
                    None => return,
                },
                message = socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => {
                        self.record(Seen::Message(serde_json::from_str(&text).unwrap()));
                    }
                    Some(Ok(_)) => {}
                    _ => return,
                },
            }
        }
    }

    fn answer(&self, method: &Method, path: String, headers: HeaderMap, body: Value) -> Response {
        if let Some(reports) = self.reports_in(&path, &body) {
            if self.down.load(Ordering::SeqCst) {
                self.record(Seen::TurnedAway(Value::Array(reports).to_string()));
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            for report in reports {
                self.record(Seen::Report(report));
            }
            return axum::Json(json!({})).into_response();
        }
        let answer = match (method, path.as_str()) {
            (&Method::POST, "/api/servers/servers/register/") => {
                (StatusCode::CREATED, self.registered(&body))
            }
            (&Method::GET, "/api/servers/servers/-/") => {
                let commissioned = self.commissioned.load(Ordering::SeqCst);
                (
                    StatusCode::OK,
                    json!({"commissioned": commissioned, "name": null}),
                )
            }
            (&Method::POST, "/api/servers/servers/-/sync-check/") => {
                let wanted: Vec<_> = body["hashes"].as_object().unwrap().keys().collect();
                (StatusCode::OK, json!({"sync_required": wanted}))
            }
            (&Method::GET, "/api/metrics/config/") => {
                let checks =
                    json!([{"type": "new", "interval": 1}, {"type": "status", "interval": 60}]);
                (StatusCode::OK, checks)
            }
            (&Method::GET, path) if path.starts_with("/api/proc/") => {
                (StatusCode::NOT_FOUND, json!({}))
            }
            _ => (StatusCode::OK, json!({})),
        };
        self.record(Seen::Request {
            method: method.clone(),
            path,
            headers,
            body,
        });
        (answer.0, axum::Json(answer.1)).into_response()
    }

    /// The reports in a request to either form of the endpoint.
    fn reports_in(&self, path: &str, body: &Value) -> Option<Vec<Value>> {
        if path == REPORTS_PATH && self.options.extended {
            return Some(body.as_array().unwrap().clone());
        }
        let (id, kind) = path
            .strip_prefix("/api/events/commands/")?
            .strip_suffix('/')?
            .split_once('/')?;
        let mut report = body.clone();
        if report.is_null() {
            report = json!({});
        }
        report["command"] = id.into();
        report["report"] = kind.into();
        Some(vec![report])
    }

    fn registered(&self, body: &Value) -> Value {
        let name = format!("{}-a1b2c3", body["name"].as_str().unwrap());
        let mut answer = json!({"id": self.server, "key": "agent-secret", "name": name});
        if self.options.extended {
            let public_key: String = self
                .signer
                .public_key()
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            answer["order_key"] =
                json!({"key_id": "test-key", "algorithm": "Ed25519", "public_key": public_key});
        }
        answer
    }
}
