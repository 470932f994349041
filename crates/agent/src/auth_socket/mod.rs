//! The local socket that the PAM module and the sudo plugin ask on
//! (`agent-channels.md` §7, §8): one request and one answer per connection.

mod ancestry;
mod approval;
mod delivery;
mod login;
mod message;
mod tracker;

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::agent::AccessPolicy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub(crate) use self::approval::Approvals;
use self::login::Logins;
use self::message::{Login, Request, Sudo, UserAnswer, UserQuestion};
pub(crate) use self::tracker::{Owner, Tracked, Tracker};
use crate::lifecycle::Lifecycle;
use crate::server::Server;

/// Longest request, in bytes. The public module sends at most 8192.
const MAX_REQUEST: usize = 64 * 1024;
/// For a whole request, and for a whole answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Connections served at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// After an error of the listener itself.
const PAUSE: Duration = Duration::from_millis(200);

/// What answers on the socket; clones share everything.
#[derive(Clone)]
pub(crate) struct Authority {
    tracker: Tracker,
    approvals: Approvals,
    logins: Logins,
    policy: Arc<Mutex<AccessPolicy>>,
    lifecycle: Lifecycle,
}

impl Authority {
    /// Asks `server` about what cannot be decided here.
    #[must_use]
    pub(crate) fn new(
        server: Server,
        tracker: Tracker,
        policy: Arc<Mutex<AccessPolicy>>,
        lifecycle: Lifecycle,
    ) -> Self {
        Self {
            tracker,
            approvals: Approvals::new(server.clone()),
            logins: Logins::new(server),
            policy,
            lifecycle,
        }
    }

    /// The decisions that arrive on the control connection.
    #[must_use]
    pub(crate) fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// Serves the socket at `path` until the daemon ends.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn serve(&self, path: &Path) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        let listener = listen(path)?;
        let (authority, path) = (self.clone(), path.to_owned());
        Ok(async move {
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            let shutdown = authority.lifecycle.shutdown().clone();
            loop {
                let Ok(place) = places.clone().acquire_owned().await else {
                    break;
                };
                let accepted = tokio::select! {
                    () = shutdown.cancelled() => break,
                    accepted = listener.accept() => accepted,
                };
                match accepted {
                    Ok((stream, _)) => {
                        let authority = authority.clone();
                        tokio::spawn(async move {
                            authority.answer(stream).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the local socket");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
            // A successor may have made its own already; then this removes
            // nothing it cannot make again.
            let _gone = std::fs::remove_file(&path);
        })
    }

    async fn answer(&self, mut stream: UnixStream) {
        let Ok(Some(request)) = timeout(TIMEOUT, read(&mut stream)).await else {
            tracing::debug!("an unusable request on the local socket");
            return;
        };
        let answer = match request {
            Request::CheckUser(question) => serde_json::to_vec(&self.check(question)),
            Request::SudoApproval(question) => serde_json::to_vec(&self.approve(question).await),
            Request::SessionEvent(login) => {
                let received = login.is_complete();
                let answer = serde_json::to_vec(&message::received(received));
                if received {
                    self.report(&login);
                }
                answer
            }
        };
        let Ok(answer) = answer else { return };
        let written = timeout(TIMEOUT, stream.write_all(&answer)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::debug!("nobody waited for an answer on the local socket");
        }
    }

    fn check(&self, question: UserQuestion) -> UserAnswer {
        let ours = self.tracker.find(question.pid, question.ppid).is_some();
        question.answer(ours)
    }

    async fn approve(&self, question: Sudo) -> protocol::sudo::SudoDecision {
        let Some(request) = question.usable() else {
            return message::refusal(&question, "Invalid sudo_approval_request");
        };
        match self.tracker.find(request.call.pid, request.call.ppid) {
            Some(found) => {
                self.approvals
                    .ask(request, &found, self.lifecycle.shutdown())
                    .await
            }
            None if self.policy().block_local_sudo => message::refusal(&question, "No Authority"),
            None => message::local_approval(&question),
        }
    }

    fn report(&self, login: &Login) {
        if !self.policy().detect_local_access {
            return;
        }
        if self.tracker.find(login.pid, login.ppid).is_some() {
            return;
        }
        self.logins.report(login);
    }

    fn policy(&self) -> AccessPolicy {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener that only the agent's own user can reach.
fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(folder)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Between the two calls the folder's mode protects it.
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The one request of a connection. `None`: it is none.
async fn read(stream: &mut UnixStream) -> Option<Request> {
    let mut text = Vec::with_capacity(1024);
    loop {
        let count = stream.read_buf(&mut text).await.ok()?;
        if count == 0 || text.len() > MAX_REQUEST {
            return None;
        }
        // There is no framing: a request is whole when it can be read.
        match serde_json::from_slice(&text) {
            Err(error) if error.is_eof() => {}
            Err(_) => return None,
            Ok(value) => return message::parse(value),
        }
    }
}

#[cfg(test)]
mod tests;
