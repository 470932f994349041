//! Everything the agent tells the server over REST (`agent-control.md` §9).
//!
//! Reports about commands and everything else use separate queues and separate
//! tasks, so that a slow log endpoint delays no result.

pub(crate) mod background;
mod lane;
mod queue;
mod receipt;
mod report;
mod sender;
mod spool;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::agent::{Fin, Reject};
use protocol::guard::{Level, Program, ProgramEnd};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use self::background::{Errand, Errands};
use self::lane::Lane;
pub(crate) use self::receipt::Receipt;
pub(crate) use self::report::weight;
use self::report::{CommandReport, News};
use self::spool::Spool;
use crate::server::Server;

/// How long output waits for room before a piece of it is given up.
const CHUNK_PATIENCE: Duration = Duration::from_secs(2);

/// Handle to the queues; clones share them.
#[derive(Clone)]
pub(crate) struct Reporter {
    shared: Arc<Shared>,
}

struct Shared {
    server: Server,
    lane: Mutex<Lane>,
    errands: Mutex<Errands>,
    /// A report came in. Wakes one worker, which wakes the next if there is more.
    report_added: Notify,
    errand_added: Notify,
    /// Reports left the lane.
    room: Notify,
    /// The server is there again.
    hurried: Notify,
    batching: watch::Sender<bool>,
}

impl Reporter {
    /// Opens the spool in `folder` and starts the senders. Without a usable
    /// folder the agent works on, but its reports do not survive it.
    #[must_use]
    pub(crate) fn start(server: Server, folder: &Path) -> Self {
        let lane = match Spool::open(folder) {
            Ok((spool, leftovers)) => Lane::new(Some(spool), leftovers),
            Err(error) => {
                let folder = folder.display();
                tracing::error!(%error, %folder, "no spool: results will not survive a restart");
                Lane::new(None, Vec::new())
            }
        };
        let reporter = Self {
            shared: Arc::new(Shared {
                server,
                lane: Mutex::new(lane),
                errands: Mutex::new(Errands::default()),
                report_added: Notify::new(),
                errand_added: Notify::new(),
                room: Notify::new(),
                hurried: Notify::new(),
                batching: watch::Sender::new(false),
            }),
        };
        sender::start(&reporter);
        reporter
    }

    /// We have the command.
    pub(crate) fn ack(&self, command: &str) {
        self.push(command, News::Ack);
    }

    /// The command ended.
    pub(crate) fn fin(&self, command: &str, fin: Fin) {
        self.push(command, News::Fin(fin));
    }

    /// We refuse the command.
    pub(crate) fn reject(&self, command: &str, reason: &str) {
        let reason = reason.to_owned();
        self.push(command, News::Reject(Reject { reason }));
    }

    /// Output of a command. Waits for room, so that a fast producer is slowed
    /// down to what the server takes; false when there was none in time.
    pub(crate) async fn chunk(&self, command: &str, seq: i64, content: String) -> bool {
        let mut report = CommandReport {
            command: command.to_owned(),
            news: News::Chunk { seq, content },
        };
        let deadline = Instant::now() + CHUNK_PATIENCE;
        loop {
            let room = self.shared.room.notified();
            match lock(&self.shared.lane).push(report) {
                Ok(()) => {
                    self.shared.report_added.notify_one();
                    return true;
                }
                Err(back) => report = back,
            }
            if timeout_at(deadline, room).await.is_err() {
                tracing::warn!(command, seq, "dropping output: the server does not take it");
                return false;
            }
        }
    }

    /// Output that somebody keeps until the receipt. Waits until there is room.
    pub(crate) async fn relay_chunk(
        &self,
        command: &str,
        seq: i64,
        content: String,
        receipt: Receipt,
    ) {
        self.relay(command, News::Chunk { seq, content }, receipt)
            .await;
    }

    /// How a command is guarded.
    pub(crate) async fn guarded(
        &self,
        command: &str,
        level: Level,
        floor: Vec<String>,
        receipt: Receipt,
    ) {
        self.relay(command, News::Guarded { level, floor }, receipt)
            .await;
    }

    /// Programs of a command. Waits until there is room.
    pub(crate) async fn programs(
        &self,
        command: &str,
        started: Vec<Program>,
        ended: Vec<ProgramEnd>,
        folded: u64,
        receipt: Receipt,
    ) {
        let news = News::Programs {
            started,
            ended,
            folded,
        };
        self.relay(command, news, receipt).await;
    }

    async fn relay(&self, command: &str, news: News, receipt: Receipt) {
        let mut report = CommandReport {
            command: command.to_owned(),
            news,
        };
        loop {
            let room = self.shared.room.notified();
            match lock(&self.shared.lane).push_with(report, Some(receipt.clone())) {
                Ok(()) => {
                    self.shared.report_added.notify_one();
                    return;
                }
                Err(back) => report = back,
            }
            room.await;
        }
    }

    /// Queues something that is not about a command.
    pub(crate) fn errand(&self, priority: u8, errand: Errand) {
        lock(&self.shared.errands).push(priority, errand);
        self.shared.errand_added.notify_one();
    }

    /// The commands whose end is still on disk.
    #[must_use]
    pub(crate) fn unreported(&self) -> Vec<String> {
        lock(&self.shared.lane).unreported()
    }

    /// Whether the server takes batches.
    pub(crate) fn set_batching(&self, offered: bool) {
        self.shared.batching.send_if_modified(|batching| {
            let changed = *batching != offered;
            *batching = offered;
            changed
        });
        self.shared.report_added.notify_one();
    }

    /// The server was just reached: nothing waits for its retry any longer.
    pub(crate) fn hurry(&self) {
        lock(&self.shared.lane).hurry();
        lock(&self.shared.errands).hurry();
        self.shared.hurried.notify_waiters();
        self.shared.report_added.notify_one();
        self.shared.errand_added.notify_one();
    }

    /// Waits until every report has arrived, at most for `patience`.
    pub(crate) async fn drain(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let room = self.shared.room.notified();
            if lock(&self.shared.lane).is_drained() {
                return;
            }
            if timeout_at(deadline, room).await.is_err() {
                tracing::info!("some reports wait for the next start");
                return;
            }
        }
    }

    fn push(&self, command: &str, news: News) {
        let report = CommandReport {
            command: command.to_owned(),
            news,
        };
        if lock(&self.shared.lane).push(report).is_ok() {
            self.shared.report_added.notify_one();
        }
    }
}

/// No holder of these locks can panic half-way through a change that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
