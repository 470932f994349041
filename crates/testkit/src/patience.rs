//! Waiting for something to become true.

use std::time::{Duration, Instant};

/// Seconds a test waits before it fails, from `ALPACON_TEST_PATIENCE`; 60 when
/// unset. Long, because it is only spent on failure.
#[must_use]
pub fn patience() -> Duration {
    let seconds = std::env::var("ALPACON_TEST_PATIENCE")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60);
    Duration::from_secs(seconds)
}

/// Asks until there is a value, and fails the test with `what` when there is
/// none within [`patience`].
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience();
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(
            Instant::now() < deadline,
            "not within {:?}: {what}",
            patience()
        );
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}
