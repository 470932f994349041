//! The file browser's channel (`agent-channels.md` §3): requests of the server's
//! WebSocket go to a worker process of the user's account, its answers go back.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use protocol::webftp::{OpenWebftp, Request};
use reqwest::header::HeaderMap;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use transport::websocket::WebSocket;

use super::worker::browse::{SUBCOMMAND, Start};
use super::{Files, helper, home};
use crate::executor::{Account, StopSignals};
use crate::internal::Answer;

/// Sessions at once.
const MAX_SESSIONS: usize = 64;
/// Longest id we accept; it appears in logs.
const MAX_ID: usize = 64;
/// Longest request, in bytes.
const MAX_REQUEST: usize = 64 * 1024;
/// Longest answer, in bytes: a listing is cut off long before.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;
/// Requests that wait for the one before them.
const MAX_WAITING: usize = 3;
/// The server pings more often than this.
const SILENCE: Duration = Duration::from_secs(120);
/// An answer must be taken within.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The sessions of this agent.
#[derive(Clone, Debug, Default)]
pub(super) struct Browsers(Arc<Mutex<HashMap<String, CancellationToken>>>);

impl Browsers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a session in; one of the same id before it ends.
    fn begin(&self, id: &str) -> Result<CancellationToken, String> {
        let mut sessions = self.lock();
        sessions.retain(|_, ended| !ended.is_cancelled());
        if let Some(before) = sessions.remove(id) {
            before.cancel();
        }
        if sessions.len() >= MAX_SESSIONS {
            return Err("too many file browsers are open; try again later".to_owned());
        }
        let cancel = CancellationToken::new();
        sessions.insert(id.to_owned(), cancel.clone());
        Ok(cancel)
    }
}

impl Files {
    /// `openftp`: opens our side of a file browser, which goes on in the background
    /// and ends with `stop`.
    pub(crate) async fn browse(&self, order: OpenWebftp, stop: &StopSignals) -> Answer {
        if let Err(reason) = check(&order) {
            return Answer::failed(reason);
        }
        let cancel = match self.browsers.begin(&order.session_id) {
            Ok(cancel) => cancel,
            Err(reason) => return Answer::failed(reason),
        };
        let stop = StopSignals {
            cancel: cancel.clone(),
            // The order was carried out when it was accepted.
            deadline: None,
            ..stop.clone()
        };
        let (started, outcome) = oneshot::channel();
        let files = self.clone();
        // The worker dies with the thread that started it, so that one stays.
        let spawned = std::thread::Builder::new()
            .name("file-browser".to_owned())
            .spawn(move || {
                files.here(&order, &stop, started);
                cancel.cancel();
            });
        if let Err(error) = spawned {
            return Answer::failed(format!("no thread for the file browser: {error}"));
        }
        match outcome.await {
            Ok(Ok(())) => Answer::done("The file browser is opened."),
            Ok(Err(reason)) => Answer::failed(reason),
            Err(_) => Answer::failed("the file browser broke off"),
        }
    }

    fn here(
        &self,
        order: &OpenWebftp,
        stop: &StopSignals,
        started: oneshot::Sender<Result<(), String>>,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _nobody_waits = started.send(Err(error.to_string()));
                return;
            }
        };
        runtime.block_on(async {
            let account = self.account(&order.username, &order.groupname);
            let worker = account.and_then(|account| Worker::start(&account, order));
            let mut worker = match worker {
                Ok(worker) => worker,
                Err(reason) => {
                    let _nobody_waits = started.send(Err(reason));
                    return;
                }
            };
            let _nobody_waits = started.send(Ok(()));
            let id = &order.session_id;
            tokio::select! {
                ended = self.run(order, &mut worker) => match ended {
                    Ok(()) => tracing::info!(session = id, "file browser ended"),
                    Err(reason) => tracing::warn!(session = id, reason, "file browser ended"),
                },
                reason = stop.wait() => {
                    tracing::info!(session = id, ?reason, "file browser closed");
                }
            }
        });
    }

    async fn run(&self, order: &OpenWebftp, worker: &mut Worker) -> Result<(), String> {
        let dialled = self
            .server
            .dial_url(&order.url, HeaderMap::new(), MAX_REQUEST)
            .await;
        let mut socket = dialled.map_err(|error| format!("no connection: {error}"))?;
        tracing::info!(session = order.session_id, "file browser opened");
        let ended = converse(&mut socket, worker).await;
        // The other side may be gone already.
        drop(tokio::time::timeout(SEND_TIMEOUT, socket.close(None)).await);
        ended
    }
}

/// Answers one request after the other, in order, until either side is gone.
async fn converse(socket: &mut WebSocket, worker: &mut Worker) -> Result<(), String> {
    let mut waiting: VecDeque<Request> = VecDeque::new();
    let mut is_busy = false;
    loop {
        if !is_busy && let Some(request) = waiting.pop_front() {
            worker.ask(&request).await?;
            is_busy = true;
        }
        tokio::select! {
            answer = worker.answer(), if is_busy => {
                is_busy = false;
                let sent = socket.send(Message::text(answer?));
                match tokio::time::timeout(SEND_TIMEOUT, sent).await {
                    Ok(sent) => sent.map_err(|error| error.to_string())?,
                    Err(_) => return Err("the server does not take the answer".to_owned()),
                }
            }
            // A full queue is not read on; the server waits as it would for others.
            heard = tokio::time::timeout(SILENCE, socket.next()),
                if waiting.len() < MAX_WAITING =>
            {
                match heard {
                    Ok(Some(Ok(Message::Text(text)))) => {
                        let request = serde_json::from_str(&text)
                            .map_err(|error| format!("not a request: {error}"))?;
                        waiting.push_back(request);
                    }
                    Ok(None | Some(Ok(Message::Close(_)))) => return Ok(()),
                    Ok(Some(Ok(_))) => {}
                    Ok(Some(Err(error))) => return Err(error.to_string()),
                    Err(_) if is_busy => {}
                    Err(_) => return Err("the server fell silent".to_owned()),
                }
            }
        }
    }
}

/// A worker process. Dropping it ends it.
struct Worker {
    /// Held: dropping it kills the process.
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The first line, until it is written.
    greeting: Vec<u8>,
    /// What came of an answer so far: waiting for the rest may be given up in between.
    line: Vec<u8>,
}

impl Worker {
    fn start(account: &Account, order: &OpenWebftp) -> Result<Self, String> {
        let failed = |error: io::Error| format!("the file worker cannot be started: {error}");
        let mut command = Command::from(helper::command(SUBCOMMAND, account));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the file worker has no streams".to_owned());
        };
        let start = Start {
            home: home(account, &order.home_directory),
            read_rules: order.read_rules.clone(),
            write_rules: order.write_rules.clone(),
        };
        let mut greeting = serde_json::to_vec(&start).map_err(|error| error.to_string())?;
        greeting.push(b'\n');
        Ok(Self {
            _child: child,
            input,
            output: BufReader::new(output),
            greeting,
            line: Vec::new(),
        })
    }

    async fn ask(&mut self, request: &Request) -> Result<(), String> {
        let mut bytes = std::mem::take(&mut self.greeting);
        serde_json::to_writer(&mut bytes, request).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        let written = self.input.write_all(&bytes).await;
        written.map_err(|error| format!("the file worker cannot be asked: {error}"))
    }

    async fn answer(&mut self) -> Result<String, String> {
        let left = MAX_ANSWER.saturating_sub(self.line.len() as u64);
        let mut rest = (&mut self.output).take(left);
        let read = rest.read_until(b'\n', &mut self.line).await;
        read.map_err(|error| format!("the file worker cannot be heard: {error}"))?;
        if self.line.pop() != Some(b'\n') {
            return Err("the file worker ended unexpectedly".to_owned());
        }
        let line = std::mem::take(&mut self.line);
        String::from_utf8(line).map_err(|_| "the file worker wrote no text".to_owned())
    }
}

fn check(order: &OpenWebftp) -> Result<(), &'static str> {
    let is_id = (1..=MAX_ID).contains(&order.session_id.len())
        && order
            .session_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_id {
        return Err("session_id must be letters, digits, - and _");
    }
    if order.username.is_empty() {
        return Err("username must name an account");
    }
    if !order.url.starts_with("ws://") && !order.url.starts_with("wss://") {
        return Err("url must start with ws:// or wss://");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_make_no_sense_are_refused() {
        let order = OpenWebftp {
            session_id: "0195-aB_9".to_owned(),
            url: "wss://h/ws/".to_owned(),
            username: "a".to_owned(),
            ..OpenWebftp::default()
        };
        assert_eq!(check(&order), Ok(()));
        type Change = fn(&mut OpenWebftp);
        let wrong: [Change; 4] = [
            |order| order.session_id = String::new(),
            |order| order.session_id = "../x".to_owned(),
            |order| order.username = String::new(),
            |order| order.url = "http://h/".to_owned(),
        ];
        for change in wrong {
            let mut order = order.clone();
            change(&mut order);
            assert!(check(&order).is_err(), "{order:?}");
        }
    }

    #[test]
    fn a_second_session_of_the_same_id_ends_the_first_and_there_is_an_end() {
        let browsers = Browsers::default();
        let first = browsers.begin("a").unwrap();
        let _second = browsers.begin("a").unwrap();
        assert!(first.is_cancelled());
        for number in 1..MAX_SESSIONS {
            browsers.begin(&format!("b{number}")).unwrap();
        }
        assert!(browsers.begin("c").is_err());
        browsers.lock()["b1"].cancel();
        assert!(browsers.begin("c").is_ok());
    }
}
