//! Growing, jittered delays between attempts, and the patience that ends them.

use std::time::{Duration, Instant};

use crate::random;

/// Nobody reached for this long: the process ends and leaves the rest to the
/// service manager.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3 * 24 * 3600);

/// The delay of the first retry lies between half of this and this.
const FIRST: Duration = Duration::from_millis(300);

/// Delays for one kind of attempt.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    max: Duration,
    failing_since: Option<Instant>,
}

impl Backoff {
    /// Delays that grow up to `max`.
    #[must_use]
    pub(crate) fn new(max: Duration) -> Self {
        Self {
            next: FIRST,
            max,
            failing_since: None,
        }
    }

    /// The delay before the next attempt; it doubles each time.
    pub(crate) fn delay(&mut self) -> Duration {
        self.failing_since.get_or_insert_with(Instant::now);
        let delay = random::between(self.next / 2, self.next);
        self.next = (self.next * 2).min(self.max);
        delay
    }

    /// It worked: start over.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
        self.failing_since = None;
    }

    /// It has not worked for days.
    #[must_use]
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failing_since
            .is_some_and(|since| since.elapsed() >= PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_maximum_and_starts_over() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        for factor in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
            let delay = backoff.delay();
            let most = (FIRST * factor).min(Duration::from_secs(60));
            assert!(most / 2 <= delay && delay <= most, "{delay:?} {most:?}");
        }
        backoff.reset();
        assert!(backoff.delay() <= FIRST);
        assert!(!backoff.is_hopeless());
    }
}
