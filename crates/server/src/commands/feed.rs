//! Wake-ups for whoever waits for a command: the state itself is in the database,
//! so a wake-up carries nothing and none can be missed for good.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use protocol::id::CommandId;
use tokio::sync::watch;

/// Wake-ups per command (or whatever else has ids) that somebody waits for.
pub(crate) struct Feeds<K = CommandId>(Mutex<HashMap<K, watch::Sender<()>>>);

impl<K> Default for Feeds<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Feeds<K> {
    /// Wake-ups for `id` from now on.
    pub(crate) fn listen(&self, id: K) -> watch::Receiver<()> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds
            .entry(id)
            .or_insert_with(|| watch::channel(()).0)
            .subscribe()
    }

    /// Wakes whoever waits for `id`.
    pub(crate) fn wake(&self, id: K) {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Sending fails when nobody listens any more.
        if feeds.get(&id).is_some_and(|feed| feed.send(()).is_err()) {
            feeds.remove(&id);
        }
    }

    /// Forgets commands nobody waits for.
    pub(crate) fn sweep(&self) {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.receiver_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listeners_wake_and_silent_feeds_go() {
        let feeds: Feeds = Feeds::default();
        let id = CommandId::new();
        feeds.wake(id);
        let mut listener = feeds.listen(id);
        feeds.wake(id);
        listener.changed().await.unwrap();
        drop(listener);
        feeds.sweep();
        assert!(feeds.0.lock().unwrap().is_empty());
    }
}
