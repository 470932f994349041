//! The handle of a session.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Sink, Stream as Source};

use crate::state::State;
use crate::stream::Stream;
use crate::{Config, Driver, Error, Role};

/// What handles, streams and the driver of a session share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handle of a session; clones are the same session. When all handles and all
/// streams are gone, the driver ends.
#[derive(Debug)]
pub struct Session {
    shared: Shared,
}

impl Session {
    /// A session over `pipe`, and the driver that its owner has to run.
    pub fn new<T>(pipe: T, config: Config, role: Role) -> (Self, Driver<T>)
    where
        T: Source<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Unpin,
    {
        let shared = Shared(Arc::new(Mutex::new(State::new(config, role))));
        let driver = Driver::new(pipe, shared.clone());
        (Self { shared }, driver)
    }

    /// Opens a stream. The peer learns it with the first frame; nothing is waited for.
    ///
    /// # Errors
    /// When the session is over or has as many streams as it may.
    pub fn open(&self) -> Result<Stream, Error> {
        let id = self.shared.lock().open()?;
        Ok(Stream::new(self.shared.clone(), id))
    }

    /// The next stream that the peer opens.
    ///
    /// # Errors
    /// When the session is over.
    pub async fn accept(&self) -> Result<Stream, Error> {
        std::future::poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// [`Self::accept`] for hand-written futures.
    ///
    /// # Errors
    /// When the session is over.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Result<Stream, Error>> {
        let accepted = self.shared.lock().poll_accept(cx);
        accepted.map_ok(|id| Stream::new(self.shared.clone(), id))
    }

    /// Ends the session at once; streams fail with [`Error::Closed`].
    pub fn close(&self) {
        self.shared.lock().finish(Error::Closed);
    }

    /// Why the session is over; `None` while it is not.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.shared.lock().end().cloned()
    }

    /// Streams that are open or not quite closed.
    #[must_use]
    pub fn stream_count(&self) -> usize {
        self.shared.lock().stream_count()
    }
}

impl Clone for Session {
    fn clone(&self) -> Self {
        self.shared.lock().handles += 1;
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.lock().drop_handle();
    }
}
