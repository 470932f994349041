//! Content on its way: how much of it has arrived, and whether more will come.
//! Readers follow the writer.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{Context, SHA256};
use protocol::id::TransferId;
use tokio::sync::{OwnedMutexGuard, watch};
use uuid::Uuid;

/// Where content stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes that can be read.
    pub(crate) written: u64,
    /// Bytes that there will be, once known.
    pub(crate) total: Option<u64>,
    /// Nothing more will come.
    pub(crate) end: Option<End>,
    /// Drawn anew whenever the content starts over, so that what was read of one
    /// content is never continued with another.
    pub(crate) tag: Tag,
}

/// Names one start of some content; also over restarts of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(Uuid);

impl Default for Tag {
    fn default() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.simple())
    }
}

/// How content ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it is there.
    Complete,
    /// It will never be whole; why, for people.
    Failed(String),
}

/// One object.
pub(crate) struct Flow {
    progress: watch::Sender<Progress>,
    /// Held by the one writer.
    writing: Arc<tokio::sync::Mutex<Digested>>,
}

/// The digest of what was written, so that going on need not read it again.
pub(crate) struct Digested {
    pub(crate) context: Context,
    pub(crate) size: u64,
}

impl Default for Digested {
    fn default() -> Self {
        Self {
            context: Context::new(&SHA256),
            size: 0,
        }
    }
}

impl Flow {
    fn new(progress: Progress) -> Self {
        Self {
            progress: watch::Sender::new(progress),
            writing: Arc::default(),
        }
    }

    /// Follows the progress.
    pub(crate) fn follow(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Where it stands now.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// The right to write, if nobody else has it.
    pub(crate) fn try_write(&self) -> Option<OwnedMutexGuard<Digested>> {
        self.writing.clone().try_lock_owned().ok()
    }

    /// Starts writing at `offset`.
    pub(crate) fn start(&self, offset: u64, total: Option<u64>) {
        self.progress.send_modify(|progress| {
            if offset < progress.written {
                progress.tag = Tag::default();
            }
            progress.written = offset;
            progress.total = total.or(progress.total);
        });
    }

    /// More can be read.
    pub(crate) fn advance(&self, written: u64) {
        self.progress
            .send_modify(|progress| progress.written = written);
    }

    /// All of it is there.
    pub(crate) fn complete(&self, size: u64) {
        self.progress.send_modify(|progress| {
            progress.written = size;
            progress.total = Some(size);
            progress.end.get_or_insert(End::Complete);
        });
    }

    /// It will never be whole. What is complete stays so.
    pub(crate) fn fail(&self, reason: &str) {
        self.progress.send_if_modified(|progress| {
            let changes = progress.end.is_none();
            if changes {
                progress.end = Some(End::Failed(reason.to_owned()));
            }
            changes
        });
    }

    /// Nobody may read or write it any more, complete or not.
    pub(crate) fn revoke(&self, reason: &str) {
        self.progress
            .send_modify(|progress| progress.end = Some(End::Failed(reason.to_owned())));
    }
}

/// The flows of this node.
#[derive(Default)]
pub(crate) struct Flows(Mutex<HashMap<TransferId, Arc<Flow>>>);

impl Flows {
    /// The flow of an object; `known` is where it stands when nobody here knows yet.
    pub(crate) fn get(&self, id: TransferId, known: impl FnOnce() -> Progress) -> Arc<Flow> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flow = flows
            .entry(id)
            .or_insert_with(|| Arc::new(Flow::new(known())));
        flow.clone()
    }

    /// Ends whatever is on its way, and forgets it. What is complete is read to its end.
    pub(crate) fn end(&self, id: TransferId, reason: &str) {
        if let Some(flow) = self.take(id) {
            flow.fail(reason);
        }
    }

    /// Cuts off whoever writes or reads, and forgets it.
    pub(crate) fn revoke(&self, id: TransferId, reason: &str) {
        if let Some(flow) = self.take(id) {
            flow.revoke(reason);
        }
    }

    fn take(&self, id: TransferId) -> Option<Arc<Flow>> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flows.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn followers_see_progress_failure_and_new_rounds() {
        let flows = Flows::default();
        let id = TransferId::new();
        let flow = flows.get(id, Progress::default);
        let mut follower = flow.follow();
        flow.start(0, Some(10));
        flow.advance(5);
        follower.changed().await.unwrap();
        assert_eq!(follower.borrow_and_update().written, 5);
        let first = flow.progress().tag;
        flow.start(5, None);
        assert_eq!(flow.progress().tag, first);
        flow.start(0, None);
        let progress = flow.progress();
        assert_ne!(progress.tag, first);
        assert_eq!(progress.total, Some(10));
        flows.end(id, "gone");
        assert_eq!(
            follower.borrow_and_update().end,
            Some(End::Failed("gone".to_owned()))
        );
        assert_eq!(flows.get(id, Progress::default).progress().end, None);
    }

    #[test]
    fn one_writes_and_what_is_complete_stays() {
        let flow = Flow::new(Progress::default());
        let writing = flow.try_write().unwrap();
        assert!(flow.try_write().is_none());
        drop(writing);
        assert!(flow.try_write().is_some());
        flow.complete(3);
        flow.fail("late");
        assert_eq!(flow.progress().end, Some(End::Complete));
        flow.revoke("locked");
        assert_eq!(flow.progress().end, Some(End::Failed("locked".to_owned())));
    }
}
