//! Content on its way in: written and digested by a thread of its own.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::TransferError;
use super::store::Sink;
use crate::files::FileError;
use crate::files::digest::Digest;

/// Pieces that wait for the disk.
const QUEUE: usize = 8;

enum Order {
    Write(Bytes),
    Restart,
}

/// What has been written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) size: u64,
    pub(super) sha256: String,
}

/// A file being written. Dropped, the thread ends and the file stays half.
pub(super) struct Writing {
    orders: mpsc::Sender<Order>,
    thread: Option<JoinHandle<Result<Written, FileError>>>,
    taken: u64,
}

impl Writing {
    /// Into `file` from its start. `path` is for messages.
    pub(super) fn into(file: File, path: &Path) -> Self {
        let (orders, received) = mpsc::channel(QUEUE);
        let path: PathBuf = path.to_owned();
        let thread = tokio::task::spawn_blocking(move || {
            write(&file, received).map_err(FileError::io(path))
        });
        Self {
            orders,
            thread: Some(thread),
            taken: 0,
        }
    }

    /// Waits until everything is written.
    pub(super) async fn finish(mut self) -> Result<Written, TransferError> {
        let thread = self.thread.take();
        drop(self);
        outcome(thread).await
    }

    async fn send(&mut self, order: Order) -> Result<(), TransferError> {
        if self.orders.send(order).await.is_ok() {
            return Ok(());
        }
        // Only an error ends it early.
        match outcome(self.thread.take()).await {
            Ok(_) => Err(FileError::Abandoned.into()),
            Err(error) => Err(error),
        }
    }
}

async fn outcome(
    thread: Option<JoinHandle<Result<Written, FileError>>>,
) -> Result<Written, TransferError> {
    let Some(thread) = thread else {
        return Err(FileError::Abandoned.into());
    };
    Ok(thread.await.map_err(|_| FileError::Abandoned)??)
}

impl Sink for Writing {
    async fn take(&mut self, bytes: Bytes) -> Result<(), TransferError> {
        self.taken += bytes.len() as u64;
        self.send(Order::Write(bytes)).await
    }

    async fn restart(&mut self) -> Result<(), TransferError> {
        self.taken = 0;
        self.send(Order::Restart).await
    }

    fn taken(&self) -> u64 {
        self.taken
    }
}

fn write(file: &File, mut orders: mpsc::Receiver<Order>) -> io::Result<Written> {
    let mut digest = Digest::default();
    let mut size: u64 = 0;
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Restart => {
                file.set_len(0)?;
                (digest, size) = (Digest::default(), 0);
            }
            Order::Write(bytes) => {
                digest.update(&bytes);
                // Long runs of zeros become holes.
                if !is_zero(&bytes) {
                    file.write_all_at(&bytes, size)?;
                }
                size += bytes.len() as u64;
            }
        }
    }
    if file.metadata()?.len() < size {
        file.set_len(size)?;
    }
    Ok(Written {
        size,
        sha256: digest.finish(),
    })
}

/// Most content shows in its first bytes that it is something.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.len() >= 4096
        && bytes
            .chunks(64)
            .all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
}

/// Ends work on another thread when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn signal(&self) -> Stopped {
        Stopped(self.0.clone())
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether the work is still wanted.
#[derive(Clone, Debug)]
pub(super) struct Stopped(Arc<AtomicBool>);

impl Stopped {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// A writer that takes nothing any more once the work is not wanted.
    pub(super) fn over<W: Write>(&mut self, writer: W) -> impl Write + use<W> {
        Stoppable {
            writer: io::BufWriter::with_capacity(256 * 1024, writer),
            stopped: self.clone(),
        }
    }
}

struct Stoppable<W: Write> {
    writer: io::BufWriter<W>,
    stopped: Stopped,
}

impl<W: Write> Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stopped.is_set() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::files::digest;

    #[tokio::test]
    async fn zeros_become_holes_and_count_all_the_same() {
        let mut file = tempfile::tempfile().unwrap();
        let mut writing = Writing::into(file.try_clone().unwrap(), Path::new("x"));
        writing.take(Bytes::from_static(b"head")).await.unwrap();
        for _ in 0..64 {
            writing.take(Bytes::from(vec![0; 65_536])).await.unwrap();
        }
        assert_eq!(writing.taken(), 64 * 65_536 + 4);
        let written = writing.finish().await.unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert_eq!(read.len() as u64, written.size);
        assert_eq!(digest::of(&read), written.sha256);
        assert!(file.metadata().unwrap().blocks() * 512 < 1_000_000);
    }

    #[tokio::test]
    async fn starting_over_forgets_what_was_there() {
        let mut file = tempfile::tempfile().unwrap();
        let mut writing = Writing::into(file.try_clone().unwrap(), Path::new("x"));
        writing
            .take(Bytes::from_static(b"a longer beginning"))
            .await
            .unwrap();
        writing.restart().await.unwrap();
        writing.take(Bytes::from_static(b"end")).await.unwrap();
        assert_eq!(writing.finish().await.unwrap().sha256, digest::of(b"end"));
        let mut read = String::new();
        file.read_to_string(&mut read).unwrap();
        assert_eq!(read, "end");
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_is_the_reason_given() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writing = Writing::into(full, Path::new("/here/x"));
        let mut error = None;
        for _ in 0..100 {
            if let Err(failed) = writing.take(Bytes::from_static(b"x")).await {
                error = Some(failed.to_string());
                break;
            }
        }
        assert_eq!(error.unwrap(), "/here/x: no space left on device");
    }
}
