//! Content on its way into a file: gathered, then digested and written by a thread of
//! its own, so that network and disk do not wait for each other.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use rustix::io::{Errno, pwritev};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Bytes gathered before they are written.
const BATCH: usize = 256 * 1024;
/// Pieces in one batch, at most: as many as the system takes in one call.
const PIECES: usize = 512;
/// Batches that wait for the disk.
const QUEUE: usize = 2;
/// A run of zeros of this length becomes a hole.
const HOLE: usize = 4096;

enum Order {
    Write(Vec<Bytes>),
    Restart,
}

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Bytes.
    pub size: u64,
    /// SHA-256, lowercase hex.
    pub sha256: String,
}

/// A file being filled from its start. Dropped, its thread ends, and the file holds
/// part of the content.
#[derive(Debug)]
pub struct Saving {
    orders: mpsc::Sender<Order>,
    batch: Vec<Bytes>,
    gathered: usize,
    taken: u64,
    thread: Option<JoinHandle<io::Result<Saved>>>,
}

impl Saving {
    /// Into `file`, which is empty; on a thread of the runtime that calls this, which
    /// has the caller's privileges.
    #[must_use]
    pub fn into(file: File) -> Self {
        let (orders, received) = mpsc::channel(QUEUE);
        Self {
            orders,
            batch: Vec::new(),
            gathered: 0,
            taken: 0,
            thread: Some(tokio::task::spawn_blocking(move || save(&file, received))),
        }
    }

    /// Bytes taken since the start.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Why bytes taken before could not be written.
    pub async fn take(&mut self, bytes: Bytes) -> io::Result<()> {
        self.taken += bytes.len() as u64;
        self.gathered += bytes.len();
        self.batch.push(bytes);
        if self.gathered < BATCH && self.batch.len() < PIECES {
            return Ok(());
        }
        self.hand_on().await
    }

    /// Forgets everything: the content starts over.
    ///
    /// # Errors
    /// Like [`Self::take`].
    pub async fn restart(&mut self) -> io::Result<()> {
        self.batch.clear();
        (self.gathered, self.taken) = (0, 0);
        self.order(Order::Restart).await
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// Why something could not be written.
    pub async fn finish(mut self) -> io::Result<Saved> {
        self.hand_on().await?;
        let thread = self.thread.take();
        drop(self);
        outcome(thread).await
    }

    async fn hand_on(&mut self) -> io::Result<()> {
        self.gathered = 0;
        let batch = std::mem::take(&mut self.batch);
        self.order(Order::Write(batch)).await
    }

    async fn order(&mut self, order: Order) -> io::Result<()> {
        if self.orders.send(order).await.is_ok() {
            return Ok(());
        }
        // Only an error ends it early.
        outcome(self.thread.take()).await.map(drop)
    }
}

async fn outcome(thread: Option<JoinHandle<io::Result<Saved>>>) -> io::Result<Saved> {
    let broken_off = || io::Error::other("the writer broke off");
    let thread = thread.ok_or_else(broken_off)?;
    thread.await.map_err(|_| broken_off())?
}

fn save(file: &File, mut orders: mpsc::Receiver<Order>) -> io::Result<Saved> {
    let mut digest = Context::new(&SHA256);
    let mut size: u64 = 0;
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Restart => {
                file.set_len(0)?;
                (digest, size) = (Context::new(&SHA256), 0);
            }
            Order::Write(batch) => {
                for bytes in &batch {
                    digest.update(bytes);
                }
                size = write_around_holes(file, &batch, size)?;
            }
        }
    }
    // Where it ends in a hole.
    if file.metadata()?.len() < size {
        file.set_len(size)?;
    }
    Ok(Saved {
        size,
        sha256: hex(digest.finish().as_ref()),
    })
}

/// Writes a batch at `position`, and gives the position after it.
fn write_around_holes(file: &File, batch: &[Bytes], mut position: u64) -> io::Result<u64> {
    let is_hole = |bytes: &Bytes| bytes.len() >= HOLE && is_zero(bytes);
    for run in batch.chunk_by(|one, next| is_hole(one) == is_hole(next)) {
        if !run.first().is_some_and(is_hole) {
            write_all_at(file, run, position)?;
        }
        position += run.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
    }
    Ok(position)
}

fn write_all_at(file: impl AsFd, run: &[Bytes], mut position: u64) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = run.iter().map(|bytes| IoSlice::new(bytes)).collect();
    let mut left = slices.as_mut_slice();
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match pwritev(&file, left, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                position += count as u64;
                IoSlice::advance_slices(&mut left, count);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether there are only zeros. Most data shows in its first bytes that it is not.
fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(64)
        .all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::MetadataExt as _;

    use proptest::prelude::*;

    use super::*;

    fn sha256(bytes: &[u8]) -> String {
        hex(aws_lc_rs::digest::digest(&SHA256, bytes).as_ref())
    }

    fn saved(pieces: Vec<Vec<u8>>) -> (File, Saved) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let file = tempfile::tempfile().unwrap();
        let saving = runtime.block_on(async {
            let mut saving = Saving::into(file.try_clone().unwrap());
            for piece in pieces {
                saving.take(Bytes::from(piece)).await.unwrap();
            }
            saving.finish().await.unwrap()
        });
        (file, saving)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_file_is_what_was_taken(
            pieces in prop::collection::vec((any::<u8>(), 0_usize..70_000, any::<bool>()), 0..30),
        ) {
            let pieces: Vec<Vec<u8>> = pieces
                .into_iter()
                .map(|(byte, length, is_zero)| vec![if is_zero { 0 } else { byte }; length])
                .collect();
            let whole = pieces.concat();
            let (mut file, saved) = saved(pieces);
            let mut read = Vec::new();
            file.read_to_end(&mut read).unwrap();
            prop_assert!(read == whole);
            prop_assert_eq!(saved.size, whole.len() as u64);
            prop_assert_eq!(saved.sha256, sha256(&whole));
        }
    }

    #[test]
    fn zeros_become_holes_and_count_all_the_same() {
        let mut pieces = vec![b"head".to_vec()];
        pieces.extend(std::iter::repeat_n(vec![0; 65_536], 64));
        let (mut file, saved) = saved(pieces);
        assert_eq!(saved.size, 64 * 65_536 + 4);
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert_eq!(read.len() as u64, saved.size);
        assert_eq!(saved.sha256, sha256(&read));
        assert!(file.metadata().unwrap().blocks() * 512 < 1_000_000);
    }

    #[tokio::test]
    async fn starting_over_forgets_what_was_there() {
        let mut file = tempfile::tempfile().unwrap();
        let mut saving = Saving::into(file.try_clone().unwrap());
        for _ in 0..2 {
            let beginning = Bytes::from(vec![b'x'; BATCH]);
            saving.take(beginning).await.unwrap();
        }
        saving.take(Bytes::from_static(b"more")).await.unwrap();
        saving.restart().await.unwrap();
        assert_eq!(saving.taken(), 0);
        saving.take(Bytes::from_static(b"end")).await.unwrap();
        assert_eq!(saving.finish().await.unwrap().sha256, sha256(b"end"));
        let mut read = String::new();
        file.read_to_string(&mut read).unwrap();
        assert_eq!(read, "end");
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_is_the_reason_given() {
        let full = || File::options().write(true).open("/dev/full").unwrap();
        let mut saving = Saving::into(full());
        saving.take(Bytes::from_static(b"little")).await.unwrap();
        let error = saving.finish().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let mut saving = Saving::into(full());
        let error = loop {
            if let Err(error) = saving.take(Bytes::from(vec![1; BATCH])).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
