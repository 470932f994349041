//! The agent's side of a supervisor: starting one, following it, and finding those
//! again that an earlier process of this agent started.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use protocol::guard::Policy;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines, Take};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::output::Output;
use super::stop::{Stop, StopSignals};
use crate::auth_socket::{Owner, Tracked, Tracker};
use crate::config::file::create_folder;
use crate::guard::frame::{Down, Item, MAX_LINE, Outcome, Spec, Up, line};
use crate::lifecycle::Exit;
use crate::reporter::{Receipt, Reporter};

/// Answers of one supervisor that may wait.
const ANSWERS: usize = 64;
/// A supervisor that is there answers at once.
const HELLO_PATIENCE: Duration = Duration::from_secs(5);

/// Where supervisors are started and found.
#[derive(Clone)]
pub(crate) struct Supervisors {
    folder: Arc<PathBuf>,
    tracker: Tracker,
}

/// An answer about a held program.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its number in the tree.
    pub(crate) seq: i64,
    /// It may run.
    pub(crate) allow: bool,
    /// Who says so.
    pub(crate) by: String,
}

type Reader = Lines<BufReader<Take<OwnedReadHalf>>>;

/// A supervisor of one command.
pub(crate) struct Supervised {
    /// The command.
    pub(crate) command: String,
    reader: Reader,
    writer: OwnedWriteHalf,
    receipts: mpsc::UnboundedReceiver<u64>,
    receipt: mpsc::UnboundedSender<u64>,
    received: Received,
    answers: mpsc::Receiver<Answer>,
    answer: mpsc::Sender<Answer>,
    socket: PathBuf,
    /// Everything below the supervisor is the command's, whoever its parent was.
    tracked: Option<Tracked>,
}

/// Which items are safe. One that went to the disk overtakes one that is on its way.
#[derive(Default)]
struct Received {
    /// The first that is not.
    next: Option<u64>,
    /// Safe ones behind it.
    later: BTreeSet<u64>,
}

impl Received {
    /// Notes that `n` is safe. Gives the last item of which, with all before it, that is
    /// new.
    fn take(&mut self, n: u64) -> Option<u64> {
        let next = self.next.as_mut().filter(|next| n >= **next)?;
        self.later.insert(n);
        let mut last = None;
        while self.later.remove(next) {
            last = Some(*next);
            *next += 1;
        }
        last
    }
}

/// How following a supervisor ended.
pub(crate) enum Followed {
    /// The order is done. Item `n` says so.
    Done(Outcome, u64),
    /// We end, and it goes on.
    Left,
    /// It is gone, and its tree with it.
    Lost,
}

impl Supervisors {
    /// Supervisors with their sockets in `folder`, known to `tracker`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(crate) fn new(folder: PathBuf, tracker: Tracker) -> io::Result<Self> {
        create_folder(&folder, 0o700)?;
        Ok(Self {
            folder: Arc::new(folder),
            tracker,
        })
    }

    /// Whether a tree can be held as `policy` says. One that may become root can be held
    /// only by root.
    pub(crate) fn can_hold(policy: &Policy) -> bool {
        policy.no_new_privileges || rustix::process::geteuid().is_root()
    }

    /// Starts a supervisor and gives it its order.
    ///
    /// # Errors
    /// When the machine has no resources left.
    pub(crate) async fn start(&self, spec: Spec) -> io::Result<Supervised> {
        let socket = self.folder.join(format!("{}.sock", spec.command));
        let listener = listen(&self.folder, &socket)?;
        let (ours, theirs) = StdStream::pair()?;
        let spawned = tokio::process::Command::new("/proc/self/exe")
            .arg0("alpamon")
            .args(["guard", "supervise"])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(OwnedFd::from(listener)))
            .spawn();
        // Dropped, not waited for: the runtime collects it when it has ended.
        let pid = spawned.inspect_err(|_| forget(&socket))?.id();
        ours.set_nonblocking(true)?;
        let mut supervised =
            Supervised::new(spec.command.clone(), UnixStream::from_std(ours)?, socket);
        // Before it has an order: whoever asks on behalf of the tree is known.
        supervised.track(&self.tracker, pid);
        let spec = Box::new(spec);
        supervised.say(&Down::Start { spec }).await?;
        Ok(supervised)
    }

    /// Finds the supervisors that are still there from before.
    pub(crate) async fn find(&self) -> Vec<Supervised> {
        let entries = std::fs::read_dir(&*self.folder).into_iter().flatten();
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(command) = name.to_str().and_then(|name| name.strip_suffix(".sock")) else {
                continue;
            };
            match self.reach(command, entry.path()).await {
                Ok(supervised) => found.push(supervised),
                Err(error) => {
                    tracing::info!(command, %error, "a guarded command is gone");
                    forget(&entry.path());
                }
            }
        }
        found
    }

    async fn reach(&self, command: &str, socket: PathBuf) -> io::Result<Supervised> {
        let folder = std::fs::File::open(&*self.folder)?;
        let stream = UnixStream::connect(short_path(&folder, &socket)).await?;
        let mut supervised = Supervised::new(command.to_owned(), stream, socket);
        let hello = tokio::time::timeout(HELLO_PATIENCE, next(&mut supervised.reader)).await??;
        match hello {
            Some(Up::Hello { command: said, pid }) if said == command => {
                supervised.track(&self.tracker, Some(pid));
                Ok(supervised)
            }
            _ => Err(io::Error::other("it is another program")),
        }
    }
}

impl Supervised {
    fn new(command: String, stream: UnixStream, socket: PathBuf) -> Self {
        let (reader, writer) = stream.into_split();
        let (receipt, receipts) = mpsc::unbounded_channel();
        let (answer, answers) = mpsc::channel(ANSWERS);
        Self {
            command,
            reader: BufReader::new(reader.take(MAX_LINE as u64)).lines(),
            writer,
            receipts,
            receipt,
            received: Received::default(),
            answers,
            answer,
            socket,
            tracked: None,
        }
    }

    fn track(&mut self, tracker: &Tracker, pid: Option<u32>) {
        let owner = Owner::Command(self.command.clone());
        let pid = pid.and_then(|pid| i32::try_from(pid).ok());
        self.tracked = pid.map(|pid| tracker.track(pid, owner));
    }

    /// Where answers about held programs go.
    pub(crate) fn answers(&self) -> mpsc::Sender<Answer> {
        self.answer.clone()
    }

    /// Reports what the supervisor tells, until the order is done.
    pub(crate) async fn follow(
        &mut self,
        reporter: &Reporter,
        output: &mut Output,
        stop: &StopSignals,
    ) -> Followed {
        let mut stopping = false;
        loop {
            tokio::select! {
                up = next(&mut self.reader) => match up {
                    Ok(Some(Up::Item { n, item })) => {
                        if let Some(outcome) = self.relay(n, item, reporter, Some(output)).await {
                            return Followed::Done(outcome, n);
                        }
                    }
                    Ok(Some(Up::Hello { .. })) => {}
                    Ok(None) => return Followed::Lost,
                    Err(error) => {
                        tracing::warn!(command = self.command, %error, "lost a supervisor");
                        return Followed::Lost;
                    }
                },
                reason = stop.wait(), if !stopping => {
                    // A restart is no reason to end what runs; losing the server is.
                    if reason == Stop::AgentStopping && stop.lifecycle.exit() != Exit::Retire {
                        return Followed::Left;
                    }
                    stopping = true;
                    if self.say(&Down::Stop { reason }).await.is_err() {
                        return Followed::Lost;
                    }
                }
                Some(n) = self.receipts.recv() => self.acknowledge(n).await,
                Some(answer) = self.answers.recv() => {
                    let Answer { seq, allow, by } = answer;
                    let _lost = self.say(&Down::Answer { seq, allow, by }).await;
                }
            }
        }
    }

    /// The order's end is safe. What its programs left behind is followed until it has
    /// ended too.
    pub(crate) async fn settle(mut self, n: u64, reporter: Reporter, stop: StopSignals) {
        self.acknowledge(n).await;
        let mut stopping = false;
        loop {
            tokio::select! {
                up = next(&mut self.reader) => match up {
                    Ok(Some(Up::Item { n, item })) => {
                        self.relay(n, item, &reporter, None).await;
                    }
                    Ok(Some(Up::Hello { .. })) => {}
                    Ok(None) | Err(_) => break,
                },
                () = stop.cancel.cancelled(), if !stopping => {
                    // It tells how what it kills ends, and stays until that is safe.
                    stopping = true;
                    let reason = Stop::Cancelled;
                    if self.say(&Down::Stop { reason }).await.is_err() {
                        break;
                    }
                }
                Some(n) = self.receipts.recv() => self.acknowledge(n).await,
                () = stop.lifecycle.shutdown().cancelled() => return,
            }
        }
        forget(&self.socket);
    }

    /// Nothing more is to be expected of it.
    pub(crate) fn forget(self) {
        forget(&self.socket);
    }

    /// Reports an item. The outcome is the caller's to report.
    async fn relay(
        &mut self,
        n: u64,
        item: Item,
        reporter: &Reporter,
        output: Option<&mut Output>,
    ) -> Option<Outcome> {
        self.received.next.get_or_insert(n);
        let receipt = Receipt::new(n, self.receipt.clone());
        match item {
            Item::Guarded { level, floor } => {
                reporter.guarded(&self.command, level, floor, receipt).await;
            }
            Item::Output { seq, content } => match output {
                Some(output) => output.relay(seq, content, receipt).await,
                None => self.acknowledge(n).await,
            },
            Item::Programs {
                started,
                ended,
                folded,
            } => {
                reporter
                    .programs(&self.command, started, ended, folded, receipt)
                    .await;
            }
            Item::Outcome(outcome) => return Some(outcome),
        }
        None
    }

    /// Item `n` is safe. The supervisor is told once all before it are as well.
    async fn acknowledge(&mut self, n: u64) {
        let mut last = self.received.take(n);
        while let Ok(n) = self.receipts.try_recv() {
            last = self.received.take(n).or(last);
        }
        if let Some(n) = last {
            let _lost = self.say(&Down::Ack { n }).await;
        }
    }

    async fn say(&mut self, down: &Down) -> io::Result<()> {
        let line = line(down).map_err(io::Error::other)?;
        self.writer.write_all(line.as_bytes()).await
    }
}

/// The next line. The bound is on one line, not on the connection.
async fn next(reader: &mut Reader) -> io::Result<Option<Up>> {
    let line = reader.next_line().await?;
    reader.get_mut().get_mut().set_limit(MAX_LINE as u64);
    line.map(|line| serde_json::from_str(&line).map_err(io::Error::other))
        .transpose()
}

fn listen(folder: &Path, socket: &Path) -> io::Result<StdListener> {
    let folder = std::fs::File::open(folder)?;
    let short = short_path(&folder, socket);
    match StdListener::bind(&short) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            // An earlier order of this id is over: the dispatcher knows what runs.
            forget(socket);
            StdListener::bind(&short)
        }
        bound => bound,
    }
}

/// A path to a socket that fits into an address, however long its folder's is.
fn short_path(folder: &std::fs::File, socket: &Path) -> PathBuf {
    use std::os::fd::AsRawFd;
    let name = socket.file_name().unwrap_or_default();
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name)
}

fn forget(socket: &Path) {
    let _gone = std::fs::remove_file(socket);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_acknowledged_before_what_came_before_it() {
        let mut received = Received {
            next: Some(4),
            ..Received::default()
        };
        assert_eq!(received.take(5), None);
        assert_eq!(received.take(7), None);
        assert_eq!(received.take(4), Some(5));
        assert_eq!(received.take(6), Some(7));
        assert!(received.later.is_empty());
    }
}
