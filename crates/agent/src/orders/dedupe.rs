//! Command ids seen lately: a repeated one is acknowledged, not run again.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// How long an id is remembered.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// How many are remembered.
const MAX_IDS: usize = 20_000;

/// Bounded memory of ids.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    ids: HashSet<String>,
    order: VecDeque<(Instant, String)>,
}

impl Recent {
    /// Remembers `id`; false when it was there already.
    pub(crate) fn insert(&mut self, id: &str, now: Instant) -> bool {
        while let Some((seen, _)) = self.order.front() {
            if now.duration_since(*seen) < MEMORY && self.order.len() < MAX_IDS {
                break;
            }
            if let Some((_, old)) = self.order.pop_front() {
                self.ids.remove(&old);
            }
        }
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back((now, id.to_owned()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_for_some_minutes() {
        let start = Instant::now();
        let mut recent = Recent::default();
        assert!(recent.insert("a", start));
        assert!(!recent.insert("a", start + MEMORY / 2));
        assert!(recent.insert("a", start + MEMORY));
    }

    #[test]
    fn is_bounded() {
        let now = Instant::now();
        let mut recent = Recent::default();
        for id in 0..MAX_IDS + 10 {
            recent.insert(&id.to_string(), now);
        }
        assert!(recent.ids.len() <= MAX_IDS);
        assert_eq!(recent.ids.len(), recent.order.len());
    }
}
