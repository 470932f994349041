//! Content on its way out: read, digested and handed on by a thread of its own, a few
//! buffers ahead of the network and no further.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::Meter;
use crate::files::digest::Digest;
use crate::files::{FileError, pack};

/// One piece, in bytes.
const PIECE: usize = 256 * 1024;
/// Pieces that wait for the network.
const QUEUE: usize = 4;

/// Pieces for the request, or why there are no more.
pub(super) type Pieces = mpsc::Receiver<io::Result<Bytes>>;

/// The pieces as a stream, which is what requests are made of.
pub(super) fn stream_of(pieces: Pieces) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(pieces, |mut pieces| async {
        let next = pieces.recv().await?;
        Some((next, pieces))
    })
}

/// An open file to be sent, from any place in it, any number of times.
#[derive(Debug)]
pub(super) struct FileContent {
    file: Arc<File>,
    path: PathBuf,
    size: u64,
    state: Arc<Mutex<State>>,
}

/// What is known of content that has been read.
#[derive(Debug, Default)]
struct State {
    digest: Digest,
    /// Bytes in the digest. What is read again does not count again.
    digested: u64,
    /// There is no more.
    complete: bool,
    failed: Option<FileError>,
}

type Shared = Arc<Mutex<State>>;

fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FileContent {
    pub(super) fn new(file: File, path: &Path, size: u64) -> Self {
        Self {
            file: Arc::new(file),
            path: path.to_owned(),
            size,
            state: Arc::default(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The content from `offset` on.
    pub(super) fn pieces(&self, offset: u64, meter: Arc<Meter>) -> Pieces {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let (file, state) = (self.file.clone(), self.state.clone());
        let (path, size) = (self.path.clone(), self.size);
        tokio::task::spawn_blocking(move || {
            let sent = read(&file, offset, size, &state, &sender, &meter);
            if let Err(error) = sent.map_err(FileError::io(path)) {
                fail(&state, &sender, error);
            }
        });
        pieces
    }

    /// Why reading failed, if that is why there were no more pieces.
    pub(super) fn failure(&self) -> Option<FileError> {
        lock(&self.state).failed.take()
    }

    /// SHA-256 of all of it, once all of it was read.
    pub(super) fn sha256(&self) -> Option<String> {
        let state = lock(&self.state);
        (state.digested == self.size).then(|| state.digest.clone().finish())
    }
}

fn read(
    file: &File,
    mut offset: u64,
    size: u64,
    state: &Shared,
    sender: &mpsc::Sender<io::Result<Bytes>>,
    meter: &Meter,
) -> io::Result<()> {
    while offset < size {
        let wanted = usize::try_from(size - offset).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = Vec::with_capacity(wanted);
        let count = match rustix::io::pread(file, spare_capacity(&mut piece), offset) {
            Ok(0) => return Err(io::Error::other("became shorter while it was read")),
            Ok(count) => count.min(wanted),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        piece.truncate(count);
        let piece = Bytes::from(piece);
        {
            let mut state = lock(state);
            // Of a piece that is read again, only what is new.
            let known = usize::try_from(state.digested.saturating_sub(offset)).unwrap_or(count);
            if let Some(new) = piece.get(known..) {
                state.digest.update(new);
                state.digested += new.len() as u64;
            }
        }
        offset += count as u64;
        if sender.blocking_send(Ok(piece)).is_err() {
            return Ok(());
        }
        meter.advance(count as u64);
    }
    Ok(())
}

/// A folder to be sent as an archive, packed while it is sent: anew each time.
#[derive(Debug, Default)]
pub(super) struct FolderContent {
    /// Of the last attempt. One given up may still count in its own.
    state: Mutex<Shared>,
}

impl FolderContent {
    /// The archive of `folder`. `meter` counts what is read, not what is sent.
    pub(super) fn pieces(&self, folder: &Path, meter: Arc<Meter>) -> Pieces {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let state = Shared::default();
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state.clone();
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || {
            let sink = Sink {
                sender: sender.clone(),
                state: state.clone(),
                piece: BytesMut::with_capacity(PIECE),
            };
            let packed = pack::pack(&folder, sink, &mut |bytes| meter.advance(bytes));
            match packed {
                Ok(()) => lock(&state).complete = true,
                Err(error) => fail(&state, &sender, error),
            }
        });
        pieces
    }

    /// Why packing failed, if that is why there were no more pieces.
    pub(super) fn failure(&self) -> Option<FileError> {
        lock(&self.last()).failed.take()
    }

    /// Size and SHA-256 of what was packed.
    pub(super) fn packed(&self) -> (u64, String) {
        let state = self.last();
        let state = lock(&state);
        (state.digested, state.digest.clone().finish())
    }

    /// The size, once all of it was packed.
    pub(super) fn packed_size(&self) -> Option<u64> {
        let state = self.last();
        let state = lock(&state);
        state.complete.then_some(state.digested)
    }

    fn last(&self) -> Shared {
        let last = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

/// Half a body must not look whole: it ends with an error.
fn fail(state: &Shared, sender: &mpsc::Sender<io::Result<Bytes>>, error: FileError) {
    let said = io::Error::other(error.to_string());
    if !matches!(error, FileError::Abandoned) {
        lock(state).failed = Some(error);
    }
    // The receiver may be what went away.
    let _gone = sender.blocking_send(Err(said));
}

struct Sink {
    sender: mpsc::Sender<io::Result<Bytes>>,
    state: Shared,
    piece: BytesMut,
}

impl Sink {
    fn hand_on(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, BytesMut::with_capacity(PIECE)).freeze();
        {
            let mut state = lock(&self.state);
            state.digest.update(&piece);
            state.digested += piece.len() as u64;
        }
        self.sender
            .blocking_send(Ok(piece))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE.saturating_sub(self.piece.len()).min(bytes.len());
        self.piece
            .extend_from_slice(bytes.get(..room).unwrap_or_default());
        if self.piece.len() >= PIECE {
            self.hand_on()?;
        }
        Ok(room)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.hand_on()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::digest;

    async fn collect(mut pieces: Pieces) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = pieces.recv().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }

    fn content(bytes: &[u8]) -> FileContent {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        FileContent::new(file, Path::new("x"), bytes.len() as u64)
    }

    #[tokio::test]
    async fn a_piece_sent_twice_is_digested_once() {
        let bytes: Vec<u8> = (0..700_001_u32).map(|n| n.to_le_bytes()[1]).collect();
        let content = content(&bytes);
        let meter = Arc::new(Meter::default());
        let mut first = content.pieces(0, meter.clone());
        first.recv().await.unwrap().unwrap();
        drop(first);
        let rest = collect(content.pieces(1000, meter)).await.unwrap();
        assert_eq!(rest, bytes[1000..]);
        assert_eq!(content.sha256(), Some(digest::of(&bytes)));
    }

    #[tokio::test]
    async fn a_file_that_shrinks_is_no_whole_file() {
        let mut content = content(b"abc");
        content.size = 4;
        assert!(collect(content.pieces(0, Arc::default())).await.is_err());
        let failure = content.failure().unwrap().to_string();
        assert!(failure.contains("shorter"), "{failure}");
        assert_eq!(content.sha256(), None);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_read_ends_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("missing", folder.path().join("dangling")).unwrap();
        let content = FolderContent::default();
        let pieces = content.pieces(folder.path(), Arc::default());
        assert!(collect(pieces).await.is_err());
        assert!(content.failure().unwrap().to_string().contains("dangling"));
    }

    #[tokio::test]
    async fn the_digest_of_a_folder_is_that_of_its_archive() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), vec![3; 600_000]).unwrap();
        let content = FolderContent::default();
        let archive = collect(content.pieces(folder.path(), Arc::default()))
            .await
            .unwrap();
        assert_eq!(
            content.packed(),
            (archive.len() as u64, digest::of(&archive))
        );
    }
}
