//! Everything we send that is not about a command: events, commits,
//! synchronisation and logs. It may be late; it never delays a report.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::queue::{Place, Queue};
use crate::server::{Request, Server};

/// Entries of any kind.
const MAX_ENTRIES: usize = 4096;
/// Log records; the newest are dropped beyond it.
const MAX_LOGS: usize = 256;
/// Attempts of an ordinary entry.
const MAX_ATTEMPTS: u32 = 6;
/// For one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Carries the fingerprint that a write brings the server up to.
const SYNC_HASH: HeaderName = HeaderName::from_static("x-sync-hash");

/// Events that mark a start.
pub(crate) const PRIORITY_EVENT: u8 = 10;
/// How transfers went.
pub(crate) const PRIORITY_TRANSFER: u8 = 20;
/// Commit and synchronisation.
pub(crate) const PRIORITY_SYNC: u8 = 80;
/// Log records.
pub(crate) const PRIORITY_LOG: u8 = 90;

/// A request to be sent some time.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    /// Verb.
    pub(crate) method: Method,
    /// Path below the base URL.
    pub(crate) path: String,
    /// JSON text.
    pub(crate) body: Option<Vec<u8>>,
    /// Value of `X-Sync-Hash`.
    pub(crate) sync_hash: Option<String>,
    /// Keep trying until the server accepts it.
    pub(crate) must_arrive: bool,
}

/// The waiting errands.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    queue: Queue<Attempted>,
}

/// An errand taken to be sent.
#[derive(Debug)]
pub(crate) struct TakenErrand {
    place: Place,
    entry: Attempted,
}

#[derive(Debug)]
struct Attempted {
    errand: Errand,
    attempts: u32,
}

impl Errands {
    /// Adds an errand; beyond the bound it is dropped.
    pub(crate) fn push(&mut self, priority: u8, errand: Errand) {
        let bound = if priority == PRIORITY_LOG {
            MAX_LOGS
        } else {
            MAX_ENTRIES
        };
        if self.queue.len() < bound {
            let entry = Attempted {
                errand,
                attempts: 0,
            };
            self.queue.push(priority, entry);
        }
    }

    /// Takes the first that is due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<TakenErrand> {
        self.queue
            .pop(now)
            .map(|(place, entry)| TakenErrand { place, entry })
    }

    /// Puts a failed one back, or gives it up.
    pub(crate) fn failed(&mut self, taken: TakenErrand, now: Instant) {
        let TakenErrand { place, mut entry } = taken;
        entry.attempts += 1;
        if entry.attempts >= MAX_ATTEMPTS && !entry.errand.must_arrive {
            let errand = entry.errand;
            tracing::debug!(method = %errand.method, path = errand.path, "giving up a request");
            return;
        }
        let delay = retry_delay(entry.attempts);
        self.queue.delay(now + delay, place, entry);
    }

    /// Stops all waiting for a retry.
    pub(crate) fn hurry(&mut self) {
        self.queue.hurry();
    }

    /// When the next retry is due.
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.queue.next_due()
    }
}

impl TakenErrand {
    /// Sends it; whether the server accepted it.
    pub(crate) async fn send(&self, server: &Server) -> bool {
        let errand = &self.entry.errand;
        let mut request = Request::new(errand.method.clone(), &errand.path, TIMEOUT);
        request.body.clone_from(&errand.body);
        if let Some(hash) = &errand.sync_hash
            && let Ok(value) = HeaderValue::from_str(hash)
        {
            request.headers = HeaderMap::from_iter([(SYNC_HASH, value)]);
        }
        match server.send(request).await {
            Ok((status, _)) if status.is_success() => true,
            Ok((status, _)) => {
                tracing::debug!(%status, method = %errand.method, path = errand.path, "refused");
                false
            }
            Err(error) => {
                tracing::debug!(%error, path = errand.path, "not sent");
                false
            }
        }
    }
}

/// 1, 2, 4, 8, 16, 32, 60, 60 … seconds.
#[must_use]
pub(crate) fn retry_delay(attempts: u32) -> Duration {
    Duration::from_secs(
        1_u64
            .checked_shl(attempts.saturating_sub(1))
            .map_or(60, |seconds| seconds.min(60)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(path: &str, must_arrive: bool) -> Errand {
        Errand {
            method: Method::POST,
            path: path.into(),
            body: None,
            sync_hash: None,
            must_arrive,
        }
    }

    fn attempts_until_gone(must_arrive: bool) -> usize {
        let mut errands = Errands::default();
        errands.push(PRIORITY_SYNC, errand("/a/", must_arrive));
        let mut now = Instant::now();
        for attempt in 0..20 {
            now += Duration::from_secs(61);
            let Some(taken) = errands.take(now) else {
                return attempt;
            };
            errands.failed(taken, now);
        }
        20
    }

    #[test]
    fn six_attempts_unless_it_must_arrive() {
        assert_eq!(attempts_until_gone(false), 6);
        assert_eq!(attempts_until_gone(true), 20);
    }

    #[test]
    fn logs_are_bounded_before_anything_else() {
        let mut errands = Errands::default();
        for _ in 0..1000 {
            errands.push(PRIORITY_LOG, errand("/log/", false));
        }
        errands.push(PRIORITY_EVENT, errand("/event/", true));
        assert_eq!(errands.queue.len(), MAX_LOGS + 1);
        let first = errands.take(Instant::now()).unwrap();
        assert_eq!(first.entry.errand.path, "/event/");
    }

    #[test]
    fn delays_double_up_to_a_minute() {
        let delays: Vec<_> = (1..=8).map(|n| retry_delay(n).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(retry_delay(500).as_secs(), 60);
    }
}
