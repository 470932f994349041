//! Content in a folder of this machine.

use std::fs::File;
use std::io::{self, IoSlice, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use aws_lc_rs::digest::Context;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use protocol::id::TransferId;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use tokio::sync::{OwnedMutexGuard, mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::flow::{Digested, End, Flow, Progress, Tag};

/// Bytes gathered before they are written.
const BATCH: usize = 512 * 1024;
/// Batches that wait for the disk.
const BATCHES: usize = 2;
/// One read, in bytes.
const PIECE: usize = 256 * 1024;
/// Pieces that wait for the network.
const PIECES: usize = 2;
/// Bytes at the start of content that tell what it is.
pub(crate) const HEAD: usize = 4096;
/// A sender may be silent for this long.
const SILENCE: Duration = Duration::from_secs(60);
/// Less than this counts as silence: nobody holds a place with a byte a minute.
const TRICKLE: usize = 4096;
/// A follower waits for a broken sender to come back for this long.
const PATIENCE: Duration = Duration::from_secs(90);

/// Why content could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    #[error("the content is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the sender fell silent")]
    Silent,
    #[error("the connection of the sender broke")]
    Broken,
    #[error("the transfer ended meanwhile")]
    Ended,
    #[error("the content ended early")]
    Short,
    #[error("{0}")]
    NotAdmitted(String),
    #[error("the store cannot write: {0}")]
    Io(#[from] io::Error),
}

/// Says by the first bytes of content, at most [`HEAD`], whether it is let through; if
/// not, why. Nobody reads any of it before.
pub(crate) type Admit = Box<dyn Fn(&[u8]) -> Result<(), String> + Send + Sync>;

/// Content that is all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// Which content is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Where it starts: at most what is there already.
    pub(crate) offset: u64,
    /// Bytes that there shall be in the end, if the sender knows.
    pub(crate) total: Option<u64>,
    /// Bytes that there may be in the end.
    pub(crate) limit: u64,
}

/// A folder of objects.
#[derive(Debug)]
pub(crate) struct LocalStore {
    folder: PathBuf,
}

impl LocalStore {
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        Ok(Self { folder })
    }

    /// Ids only ever name files: they have no other form.
    fn path(&self, id: TransferId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// Where an object stands that nobody has touched since the start.
    pub(crate) fn known(&self, id: TransferId, stored: bool) -> Progress {
        let written = std::fs::metadata(self.path(id)).map_or(0, |data| data.len());
        // Too little to be let through by: it is sent again.
        let written = match stored || written >= HEAD as u64 {
            true => written,
            false => 0,
        };
        Progress {
            written,
            total: stored.then_some(written),
            end: stored.then_some(End::Complete),
            tag: Tag::default(),
        }
    }

    /// Takes content. Readers see it as it comes; it is complete only when the caller
    /// says so.
    ///
    /// # Errors
    /// When it does not come whole; what came can be gone on from.
    pub(crate) async fn receive(
        &self,
        id: TransferId,
        flow: Arc<Flow>,
        writing: OwnedMutexGuard<Digested>,
        span: Span,
        admit: Admit,
        body: Body,
    ) -> Result<Stored, ReceiveError> {
        let Span {
            offset,
            total,
            limit,
        } = span;
        let path = self.path(id);
        let (sender, receiver) = mpsc::channel(BATCHES);
        let target = flow.clone();
        let admit = Arc::new(admit);
        let admitting = admit.clone();
        let writer =
            spawn_blocking(move || write(&path, &target, writing, span, &admitting, receiver));
        let gathered = gather(body.into_data_stream(), &flow, offset, limit, &sender).await;
        drop(sender);
        let stored = match writer.await {
            Ok(stored) => stored?,
            Err(_) => return Err(io::Error::other("the writer broke off").into()),
        };
        gathered?;
        if total.is_some_and(|total| stored.size < total) {
            return Err(ReceiveError::Short);
        }
        if stored.size < HEAD as u64 {
            let whole = self.path(id);
            let whole = spawn_blocking(move || std::fs::read(whole)).await;
            let whole = whole.map_err(io::Error::other)??;
            admit(&whole).map_err(ReceiveError::NotAdmitted)?;
        }
        Ok(stored)
    }

    /// The content of `tag` from `offset` on, as it comes; up to `end`, if there is one.
    ///
    /// # Errors
    /// When there is no file to read.
    pub(crate) fn send(
        &self,
        id: TransferId,
        flow: &Flow,
        tag: Tag,
        (offset, end): (u64, Option<u64>),
        on_end: impl FnOnce() + Send + 'static,
    ) -> io::Result<Body> {
        let file = Arc::new(File::open(self.path(id))?);
        let progress = flow.follow();
        let (sender, mut receiver) = mpsc::channel(PIECES);
        let seen = flow.follow();
        tokio::spawn(async move {
            if follow(file, progress, tag, (offset, end), &sender).await {
                on_end();
            }
        });
        let pieces = futures_util::stream::poll_fn(move |context| {
            // What waits here already is withheld too.
            if let Some(End::Failed(reason)) = &seen.borrow().end {
                return Poll::Ready(Some(Err(io::Error::other(reason.clone()))));
            }
            receiver.poll_recv(context)
        });
        Ok(Body::from_stream(pieces))
    }

    /// Removes an object; one that is not there is no error.
    ///
    /// # Errors
    /// When it is there and stays.
    pub(crate) fn remove(&self, id: TransferId) -> io::Result<()> {
        match std::fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Bytes free for everybody on the disk of the store.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let system = rustix::fs::statvfs(&self.folder)?;
        Ok(system.f_bavail.saturating_mul(system.f_frsize))
    }
}

/// Gathers what comes into batches for the writer.
async fn gather(
    mut body: BodyDataStream,
    flow: &Flow,
    offset: u64,
    limit: u64,
    writer: &mpsc::Sender<Vec<Bytes>>,
) -> Result<(), ReceiveError> {
    let mut progress = flow.follow();
    let mut size = offset;
    let mut batch = Vec::new();
    let mut gathered = 0;
    let mut trickled = 0;
    let mut patience = Instant::now() + SILENCE;
    loop {
        let next = tokio::select! {
            next = tokio::time::timeout_at(patience, body.next()) => next,
            _ = progress.wait_for(|progress| progress.end.is_some()) => {
                return Err(ReceiveError::Ended);
            }
        };
        let bytes = match next {
            Ok(Some(Ok(bytes))) => bytes,
            Ok(None) => break,
            other => {
                // What came is kept: the sender may go on from there.
                let _full_or_gone = writer.send(batch).await;
                return Err(match other {
                    Err(_) => ReceiveError::Silent,
                    Ok(_) => ReceiveError::Broken,
                });
            }
        };
        size += bytes.len() as u64;
        if size > limit {
            return Err(ReceiveError::TooLarge(limit));
        }
        gathered += bytes.len();
        trickled += bytes.len();
        batch.push(bytes);
        if gathered >= BATCH {
            gathered = 0;
            if writer.send(std::mem::take(&mut batch)).await.is_err() {
                // It says itself why it ended.
                return Ok(());
            }
        }
        if trickled >= TRICKLE {
            trickled = 0;
            patience = Instant::now() + SILENCE;
        }
    }
    let _writer_says_why = writer.send(batch).await;
    Ok(())
}

/// Writes batches until no more come.
fn write(
    path: &Path,
    flow: &Flow,
    mut writing: OwnedMutexGuard<Digested>,
    span: Span,
    admit: &Admit,
    mut batches: mpsc::Receiver<Vec<Bytes>>,
) -> Result<Stored, ReceiveError> {
    let mut file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let offset = span.offset;
    file.set_len(offset)?;
    // Whoever follows may open the file from now on.
    flow.start(offset, span.total);
    resume_digest(&mut file, &mut writing, offset)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut is_admitted = offset >= HEAD as u64;
    while let Some(batch) = batches.blocking_recv() {
        for bytes in &batch {
            writing.context.update(bytes);
            writing.size += bytes.len() as u64;
        }
        write_all(&mut file, &batch)?;
        if !is_admitted && writing.size >= HEAD as u64 {
            let mut head = [0; HEAD];
            file.read_exact_at(&mut head, 0)?;
            admit(&head).map_err(ReceiveError::NotAdmitted)?;
            is_admitted = true;
        }
        if is_admitted {
            flow.advance(writing.size);
        }
    }
    Ok(Stored {
        size: writing.size,
        sha256: hex(writing.context.clone()),
    })
}

/// Brings the digest to `offset`.
fn resume_digest(file: &mut File, digested: &mut Digested, offset: u64) -> io::Result<()> {
    if digested.size == offset {
        return Ok(());
    }
    *digested = Digested::default();
    let mut buffer = vec![0; PIECE];
    let mut content = file.take(offset);
    loop {
        let count = content.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digested
            .context
            .update(buffer.get(..count).unwrap_or_default());
        digested.size += count as u64;
    }
    if digested.size == offset {
        return Ok(());
    }
    Err(io::Error::other("there is less content than that"))
}

fn write_all(file: &mut File, batch: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let mut left = slices.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut left, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends pieces as they can be read. True: all of the content was sent.
async fn follow(
    file: Arc<File>,
    mut progress: watch::Receiver<Progress>,
    tag: Tag,
    (offset, end): (u64, Option<u64>),
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> bool {
    let mut position = offset;
    loop {
        if end.is_some_and(|end| position >= end) {
            return true;
        }
        let waited = tokio::select! {
            () = sender.closed() => return false,
            waited = more_than(&mut progress, position, tag) => waited,
        };
        let available = match waited {
            Ok(Some(available)) => available,
            Ok(None) => return true,
            Err(reason) => {
                let _nobody_reads = sender.send(Err(io::Error::other(reason))).await;
                return false;
            }
        };
        let available = end.map_or(available, |end| available.min(end));
        let wanted = usize::try_from(available - position)
            .unwrap_or(PIECE)
            .min(PIECE);
        let source = file.clone();
        let read = spawn_blocking(move || read_piece(&source, position, wanted));
        let piece = match read.await {
            Ok(piece) => piece,
            Err(_) => Err(io::Error::other("the reader broke off")),
        };
        let failed = piece.is_err();
        position += wanted as u64;
        if sender.send(piece).await.is_err() || failed {
            return false;
        }
    }
}

/// Exactly `wanted` bytes.
fn read_piece(file: &File, position: u64, wanted: usize) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(wanted);
    while piece.len() < wanted {
        let at = position + piece.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut piece), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    piece.truncate(wanted);
    Ok(Bytes::from(piece))
}

/// Waits until more than `position` can be read; `None`: that is all there is. The
/// last byte is given only once the content is complete: a reader that knows the
/// length takes that byte for the end, and may rely on what is recorded then.
async fn more_than(
    progress: &mut watch::Receiver<Progress>,
    position: u64,
    tag: Tag,
) -> Result<Option<u64>, String> {
    loop {
        {
            let now = progress.borrow_and_update();
            if let Some(End::Failed(reason)) = &now.end {
                return Err(reason.clone());
            }
            if now.tag != tag {
                return Err("the sender started over".to_owned());
            }
            let readable = match (&now.end, now.total) {
                (None, Some(total)) => now.written.min(total.saturating_sub(1)),
                _ => now.written,
            };
            if readable > position {
                return Ok(Some(readable));
            }
            if now.end == Some(End::Complete) {
                return Ok(None);
            }
        }
        match tokio::time::timeout(PATIENCE, progress.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err("the transfer ended".to_owned()),
            Err(_) => return Err("the sender fell silent".to_owned()),
        }
    }
}

fn hex(context: Context) -> String {
    chain::hex_encode(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::super::flow::Flows;
    use super::*;

    #[tokio::test]
    async fn the_last_byte_waits_until_the_content_is_complete() {
        let flow = Flows::default().get(TransferId::new(), Progress::default);
        flow.start(0, Some(10));
        flow.advance(10);
        let tag = flow.progress().tag;
        let mut progress = flow.follow();
        assert_eq!(more_than(&mut progress, 0, tag).await, Ok(Some(9)));
        let mut waiting = Box::pin(more_than(&mut progress, 9, tag));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        flow.complete(10);
        assert_eq!(waiting.await, Ok(Some(10)));
        assert_eq!(more_than(&mut progress, 10, tag).await, Ok(None));
    }

    /// What a sender who sends `pieces` of `size` bytes, one in `pause`, ends with.
    async fn trickle(pieces: usize, size: usize, pause: Duration) -> Result<(), ReceiveError> {
        let flow = Flows::default().get(TransferId::new(), Progress::default);
        let stream = futures_util::stream::unfold(0, move |sent| async move {
            if sent == pieces {
                return None;
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, io::Error>(Bytes::from(vec![b'x'; size])), sent + 1))
        });
        let body = Body::from_stream(stream).into_data_stream();
        let (sender, mut receiver) = mpsc::channel(BATCHES);
        let drain = async move { while receiver.recv().await.is_some() {} };
        let gathering = async {
            let gathered = gather(body, &flow, 0, u64::MAX, &sender).await;
            drop(sender);
            gathered
        };
        tokio::join!(gathering, drain).0
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_next_to_nothing_is_cut_off_and_who_is_slow_is_not() {
        let minute = Duration::from_secs(60);
        let almost = Duration::from_secs(50);
        let silent = trickle(1, 10_000, minute + almost).await;
        assert!(matches!(silent, Err(ReceiveError::Silent)), "{silent:?}");
        let loris = trickle(100, 1, almost).await;
        assert!(matches!(loris, Err(ReceiveError::Silent)), "{loris:?}");
        let slow = trickle(100, TRICKLE, almost).await;
        assert!(slow.is_ok(), "{slow:?}");
    }

    #[tokio::test]
    async fn what_waits_for_a_reader_is_withheld_once_it_may_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path().to_owned()).unwrap();
        let id = TransferId::new();
        std::fs::write(store.path(id), vec![0; 4 * PIECE]).unwrap();
        let flow = Flows::default().get(id, || store.known(id, true));
        let tag = flow.progress().tag;
        let body = store.send(id, &flow, tag, (0, None), || {}).unwrap();
        let mut body = body.into_data_stream();
        assert!(body.next().await.unwrap().is_ok());
        flow.revoke("locked");
        assert!(body.next().await.unwrap().is_err());
    }

    #[tokio::test]
    async fn content_of_unknown_length_ends_with_its_end() {
        let flow = Flows::default().get(TransferId::new(), Progress::default);
        flow.start(0, None);
        flow.advance(10);
        let tag = flow.progress().tag;
        let mut progress = flow.follow();
        assert_eq!(more_than(&mut progress, 0, tag).await, Ok(Some(10)));
        flow.complete(10);
        assert_eq!(more_than(&mut progress, 10, tag).await, Ok(None));
    }
}
