//! Content on its way in: written and digested by a thread of its own.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use transport::save::{Saved, Saving};

use super::TransferError;
use super::store::Sink;
use crate::files::FileError;

/// A file being written. Dropped, it stays half.
pub(super) struct Writing {
    saving: Saving,
    /// For messages.
    path: PathBuf,
}

impl Writing {
    /// Into `file` from its start. `path` is for messages.
    pub(super) fn into(file: File, path: &Path) -> Self {
        Self {
            saving: Saving::into(file),
            path: path.to_owned(),
        }
    }

    /// Waits until everything is written.
    pub(super) async fn finish(self) -> Result<Saved, TransferError> {
        let saved = self.saving.finish().await;
        Ok(saved.map_err(FileError::io(self.path))?)
    }
}

impl Sink for Writing {
    async fn take(&mut self, bytes: Bytes) -> Result<(), TransferError> {
        let taken = self.saving.take(bytes).await;
        Ok(taken.map_err(FileError::io(&self.path))?)
    }

    async fn restart(&mut self) -> Result<(), TransferError> {
        let restarted = self.saving.restart().await;
        Ok(restarted.map_err(FileError::io(&self.path))?)
    }

    fn taken(&self) -> u64 {
        self.saving.taken()
    }
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
    use super::*;

    #[tokio::test]
    async fn a_disk_that_takes_nothing_is_the_reason_given() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writing = Writing::into(full, Path::new("/here/x"));
        writing.take(Bytes::from_static(b"x")).await.unwrap();
        let error = writing.finish().await.unwrap_err().to_string();
        assert_eq!(error, "/here/x: no space left on device");
    }
}
