//! A priority queue in which an entry that waits for its retry blocks nobody.

use std::collections::BTreeMap;
use std::time::Instant;

/// Lower numbers go first.
pub(crate) type Priority = u8;

/// An entry's place: it keeps it through retries, so that order survives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    priority: Priority,
    sequence: u64,
}

/// Entries that are due, and entries that are not yet.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    ready: BTreeMap<Place, T>,
    waiting: BTreeMap<(Instant, Place), T>,
    next: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            ready: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Adds an entry behind those of the same priority.
    pub(crate) fn push(&mut self, priority: Priority, entry: T) {
        let place = Place {
            priority,
            sequence: self.next,
        };
        self.next += 1;
        self.ready.insert(place, entry);
    }

    /// Puts an entry back, to be ready at `due`.
    pub(crate) fn delay(&mut self, due: Instant, place: Place, entry: T) {
        self.waiting.insert((due, place), entry);
    }

    /// Takes the first entry that is ready at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Place, T)> {
        self.promote(now);
        self.ready.pop_first()
    }

    /// The entries that [`Self::pop`] would give now, first one first.
    pub(crate) fn ready(&mut self, now: Instant) -> impl Iterator<Item = &T> {
        self.promote(now);
        self.ready.values()
    }

    /// Makes everything ready, for when the reason to wait is gone.
    pub(crate) fn hurry(&mut self) {
        for ((_, place), entry) in std::mem::take(&mut self.waiting) {
            self.ready.insert(place, entry);
        }
    }

    /// When the next waiting entry becomes ready.
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    /// All entries.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.ready.len() + self.waiting.len()
    }

    /// No entry at all.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.waiting.is_empty()
    }

    fn promote(&mut self, now: Instant) {
        while let Some(first) = self.waiting.first_entry() {
            if first.key().0 > now {
                return;
            }
            let ((_, place), entry) = first.remove_entry();
            self.ready.insert(place, entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_waiting_entry_blocks_nobody_and_keeps_its_place() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut queue = Queue::default();
        queue.push(10, "first");
        queue.push(10, "second");
        queue.push(80, "low");
        let (place, first) = queue.pop(now).unwrap();
        queue.delay(later, place, first);
        queue.push(10, "third");
        assert_eq!(queue.pop(now).unwrap().1, "second");
        assert_eq!(queue.next_due(), Some(later));
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop(later))
            .map(|e| e.1)
            .collect();
        assert_eq!(rest, ["first", "third", "low"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn hurry_ends_all_waiting() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(10, "a");
        let (place, entry) = queue.pop(now).unwrap();
        queue.delay(now + Duration::from_secs(60), place, entry);
        assert!(queue.pop(now).is_none());
        queue.hurry();
        assert_eq!(queue.pop(now).unwrap().1, "a");
    }

    proptest! {
        #[test]
        fn gives_everything_once_by_priority(priorities in prop::collection::vec(0u8..4, 0..50)) {
            let now = Instant::now();
            let mut queue = Queue::default();
            for (index, priority) in priorities.iter().enumerate() {
                queue.push(*priority, (*priority, index));
            }
            let taken: Vec<_> = std::iter::from_fn(|| queue.pop(now)).map(|e| e.1).collect();
            let mut expected: Vec<_> =
                priorities.iter().copied().enumerate().map(|(i, p)| (p, i)).collect();
            expected.sort_unstable();
            prop_assert_eq!(taken, expected);
        }
    }
}
