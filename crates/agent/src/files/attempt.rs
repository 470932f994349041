//! Moving content takes several attempts where the connection breaks.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use super::worker::words;

/// Attempts without any progress.
pub(super) const ATTEMPTS: u32 = 6;
/// Before the second attempt; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(250);

/// Why an attempt failed.
pub(super) enum Failed {
    /// It would fail again.
    ForGood(String),
    /// The connection broke; another attempt may go on.
    ForNow(String),
}

/// Waits before the next attempt after `failures` without progress.
pub(super) async fn pause(failures: u32) {
    tokio::time::sleep(PAUSE * 2_u32.saturating_pow(failures)).await;
}

/// What is wrong with the disk.
pub(super) fn disk(error: &io::Error) -> String {
    Errno::from_io_error(error).map_or_else(|| error.to_string(), words)
}
