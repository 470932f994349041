//! File transfers (`agent-channels.md` §4). The internal command `upload` sends
//! from this machine to the store, `download` fetches from it: the names are the
//! agent's, and the reverse of the user's.
//!
//! Each transfer has a thread for moving bytes, without privileges, and a
//! [`worker`] process that opens files as the user.

mod attempt;
mod browse;
pub(crate) mod client;
mod fetch;
mod helper;
mod send;
pub(crate) mod worker;

use std::fs::File;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use protocol::transfer::{Direction, ReceiveFile, ReceiveOrder, SendOrder, TransferReport};
use reqwest::Method;
use rustix::thread::{CapabilitySet, CapabilitySets};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use transport::save::Saved;

use self::attempt::{ATTEMPTS, Failed};
use self::client::StoreClient;
use self::helper::{Worker, require_plain_file};
use self::send::Destination;
use self::worker::{ReceiveRequest, Reply, Request, SendRequest};
use crate::executor::{Account, Own, resolve_account};
use crate::internal::Answer;
use crate::reporter::Reporter;
use crate::reporter::background::{Errand, PRIORITY_TRANSFER};
use crate::server::Server;

/// Files of one order.
const MAX_FILES: usize = 1000;

/// Carries out transfers; clones share everything.
#[derive(Clone)]
pub(crate) struct Files {
    server: Server,
    reporter: Reporter,
    own: Own,
    /// Bytes of one fetched file; 0: any.
    max_download_bytes: u64,
    browsers: browse::Browsers,
}

/// How a transfer went.
struct Moved {
    content: Saved,
    path: String,
    message: String,
}

impl Files {
    /// Transfers for an agent that runs as `own`.
    #[must_use]
    pub(crate) fn new(
        server: Server,
        reporter: Reporter,
        own: Own,
        max_download_bytes: u64,
    ) -> Self {
        Self {
            server,
            reporter,
            own,
            max_download_bytes,
            browsers: browse::Browsers::default(),
        }
    }

    /// `upload`: sends files to the store.
    pub(crate) async fn send(&self, order: SendOrder) -> Answer {
        if order.username.is_empty() || order.paths.is_empty() || order.content.is_empty() {
            return Answer::failed("");
        }
        let files = self.clone();
        on_own_thread(
            async move |client| {
                let moved = files.send_out(client, &order).await;
                files.report(&order.url, Direction::Download, &moved);
                answer(moved)
            },
            &self.server,
        )
        .await
    }

    /// `download`: fetches files from the store.
    pub(crate) async fn receive(&self, mut order: ReceiveOrder) -> Answer {
        let single = &order.file;
        let named =
            !order.files.is_empty() || !single.path.is_empty() || !single.content.is_empty();
        if order.username.is_empty() || !named || order.files.len() > MAX_FILES {
            return Answer::failed("");
        }
        if order.files.is_empty() {
            order.files.push(std::mem::take(&mut order.file));
        }
        let files = self.clone();
        on_own_thread(
            async move |client| {
                let mut last = Answer::failed("");
                for file in &order.files {
                    let moved = files.take_in(client, &order, file).await;
                    files.report(&file.url, Direction::Upload, &moved);
                    last = answer(moved);
                }
                last
            },
            &self.server,
        )
        .await
    }

    async fn send_out(&self, client: &StoreClient, order: &SendOrder) -> Result<Moved, String> {
        let mut failures = 0;
        loop {
            match self.send_once(client, order).await {
                Ok(moved) => return Ok(moved),
                Err(Failed::ForNow(reason)) if failures + 1 < ATTEMPTS => {
                    failures += 1;
                    tracing::info!(reason, "sending from the start again");
                    attempt::pause(failures).await;
                }
                Err(Failed::ForNow(reason) | Failed::ForGood(reason)) => return Err(reason),
            }
        }
    }

    /// One attempt, with a worker of its own: an archive is written while it is sent.
    async fn send_once(&self, client: &StoreClient, order: &SendOrder) -> Result<Moved, Failed> {
        let (account, worker) = self.worker(&order.username, &order.groupname)?;
        let request = Request::Send(SendRequest {
            paths: order.paths.clone(),
            home: home(&account, &order.home_directory),
            resource_type: order.resource_type.clone(),
            rules: order.rules.clone(),
        });
        let (reply, file) = worker.ask(&request).await.map_err(Failed::ForGood)?;
        let (
            Reply::Opened {
                path,
                name,
                size,
                piped,
            },
            Some(file),
        ) = (reply, file)
        else {
            let reason = "the file worker said something unexpected".to_owned();
            return Err(Failed::ForGood(reason));
        };
        let to = Destination {
            url: &order.content,
            blob: order.use_blob,
            streaming: order.streaming,
            limit: limit(order.max_bytes),
        };
        if piped {
            let (content, message) = send::send_pipe(client, &to, worker, file, &name).await?;
            return Ok(Moved {
                content,
                path,
                message,
            });
        }
        require_plain_file(&file).map_err(Failed::ForGood)?;
        let content = send::send_file(client, &to, File::from(file), &name, size).await;
        let content = content.map_err(Failed::ForGood)?;
        Ok(Moved {
            message: format!("sent {path}"),
            content,
            path,
        })
    }

    async fn take_in(
        &self,
        client: &StoreClient,
        order: &ReceiveOrder,
        file: &ReceiveFile,
    ) -> Result<Moved, String> {
        let account = self.account(&order.username, &file.groupname)?;
        let worker = start(&account)?;
        let request = Request::Receive(ReceiveRequest {
            path: file.path.clone(),
            name: file.name.clone(),
            home: home(&account, &order.home_directory),
            overwrite: file.allow_overwrite,
            rules: file.rules.clone(),
        });
        let (reply, opened) = worker.ask(&request).await?;
        let (Reply::Opened { path, .. }, Some(opened)) = (reply, opened) else {
            return Err("the file worker said something unexpected".to_owned());
        };
        require_plain_file(&opened)?;
        let opened = File::from(opened);
        let content = match file.kind.as_str() {
            "url" => {
                let limit = match self.max_download_bytes {
                    0 => u64::MAX,
                    limit => limit,
                };
                fetch::fetch(client, &file.content, &opened, limit).await?
            }
            "text" => fetch::write(file.content.as_bytes(), &opened)?,
            "base64" => {
                let bytes = STANDARD
                    .decode(&file.content)
                    .map_err(|_| "the content is no base64".to_owned())?;
                fetch::write(&bytes, &opened)?
            }
            other => return Err(format!("{other:?} is no kind of content")),
        };
        let unzip = file.allow_unzip;
        let (reply, _) = worker.ask(&Request::Commit { unzip }).await?;
        let Reply::Done { message } = reply else {
            return Err("the file worker said something unexpected".to_owned());
        };
        Ok(Moved {
            content,
            path,
            message,
        })
    }

    /// A worker of the account of an order.
    fn worker(&self, username: &str, groupname: &str) -> Result<(Account, Worker), Failed> {
        let account = self.account(username, groupname).map_err(Failed::ForGood)?;
        let worker = start(&account).map_err(Failed::ForGood)?;
        Ok((account, worker))
    }

    /// The account of an order. Name services may block: this thread waits.
    fn account(&self, username: &str, groupname: &str) -> Result<Account, String> {
        resolve_account(username, groupname, &self.own).map_err(|error| error.to_string())
    }

    fn report(&self, url: &str, direction: Direction, moved: &Result<Moved, String>) {
        if !url.starts_with('/') || !url.ends_with('/') {
            return;
        }
        let report = match moved {
            Ok(moved) => TransferReport {
                success: true,
                message: moved.message.clone(),
                direction: direction.as_str().to_owned(),
                size: i64::try_from(moved.content.size).ok(),
                sha256: Some(moved.content.sha256.clone()),
                path: Some(moved.path.clone()),
            },
            Err(reason) => TransferReport {
                success: false,
                message: reason.clone(),
                direction: direction.as_str().to_owned(),
                ..TransferReport::default()
            },
        };
        let Ok(body) = serde_json::to_vec(&report) else {
            return;
        };
        let errand = Errand {
            method: Method::POST,
            path: format!("{url}stat/"),
            body: Some(body),
            sync_hash: None,
            must_arrive: false,
        };
        self.reporter.errand(PRIORITY_TRANSFER, errand);
    }
}

fn answer(moved: Result<Moved, String>) -> Answer {
    match moved {
        Ok(moved) => Answer::done(moved.message),
        Err(reason) => Answer::failed(reason),
    }
}

fn start(account: &Account) -> Result<Worker, String> {
    let worker = Worker::start(account)
        .map_err(|error| format!("the file worker cannot be started: {error}"))?;
    drop_privileges();
    Ok(worker)
}

/// This thread writes into files that the user opened: quotas, reserved space and
/// the like shall bind it as they bind the user. It must still be able to end its
/// worker, and to start another one.
fn drop_privileges() {
    let kept = CapabilitySet::KILL | CapabilitySet::SETUID | CapabilitySet::SETGID;
    let reduced = rustix::thread::capabilities(None).and_then(|sets| {
        let effective = sets.effective & kept;
        rustix::thread::set_capabilities(None, CapabilitySets { effective, ..sets })
    });
    if let Err(error) = reduced {
        tracing::debug!(%error, "a transfer keeps its privileges");
    }
}

/// Where the account's paths start; what the order says counts only where the
/// account does not know.
fn home(account: &Account, ordered: &str) -> String {
    account.home.as_ref().map_or_else(
        || ordered.to_owned(),
        |home| home.to_string_lossy().into_owned(),
    )
}

fn limit(bytes: Option<i64>) -> u64 {
    bytes.map_or(u64::MAX, |bytes| u64::try_from(bytes).unwrap_or(0))
}

/// Runs `work` on a thread of its own, where reading and writing files may block.
/// Giving up on the answer ends it.
async fn on_own_thread<W>(work: W, server: &Server) -> Answer
where
    W: AsyncFnOnce(&StoreClient) -> Answer + Send + 'static,
{
    let given_up = CancellationToken::new();
    let _guard = given_up.clone().drop_guard();
    let (sender, receiver) = oneshot::channel();
    let server = server.clone();
    let spawned = std::thread::Builder::new()
        .name("transfer".to_owned())
        .spawn(move || {
            let outcome = here(work, &server, &given_up);
            let _nobody_waits = sender.send(outcome);
        });
    if let Err(error) = spawned {
        return Answer::failed(format!("no thread for the transfer: {error}"));
    }
    match receiver.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Answer::failed(format!("the transfer cannot start: {error:#}")),
        Err(_) => Answer::failed("the transfer broke off"),
    }
}

fn here<W>(work: W, server: &Server, given_up: &CancellationToken) -> anyhow::Result<Answer>
where
    W: AsyncFnOnce(&StoreClient) -> Answer,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Connections belong to the runtime they were made in.
        let client = server.store_client()?;
        tokio::select! {
            answer = work(&client) => Ok(answer),
            () = given_up.cancelled() => Ok(Answer::failed("given up")),
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A client for tests that send nothing.
    pub(crate) fn plain_client() -> transport::content::ContentClient {
        let tls = transport::tls::client_config(&transport::tls::Trust::System).unwrap();
        let options = transport::http::HttpOptions {
            user_agent: "test".to_owned(),
            environment_proxy: false,
        };
        transport::content::ContentClient::new(&tls, &options).unwrap()
    }

    #[test]
    fn no_limit_and_bad_limits() {
        assert_eq!(limit(None), u64::MAX);
        assert_eq!(limit(Some(5)), 5);
        assert_eq!(limit(Some(-1)), 0);
    }
}
