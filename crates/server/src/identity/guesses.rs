//! Guesses at one account's password, slowed down without locking its owner out.
//!
//! Beside the bucket of a source address (`http::middleware`), every account has a
//! bucket for callers nobody knows, and one for each place its owner logged in from
//! before. Whoever fills the first from all over the world leaves the others alone.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::id::WorkspaceId;

use crate::http::{ApiError, ApiResult};

/// Of passwords.
const PASSWORDS: Pace = Pace::new(10, Duration::from_secs(20));
/// Accounts remembered. Beyond that only the buckets of source addresses hold: to
/// refuse everyone would be the lock-out that this is to prevent.
const MAX_BUCKETS: usize = 100_000;

/// Whether the caller has been seen with this account before.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Acquaintance {
    /// Never.
    Stranger,
    /// From this address or with this browser.
    Known(String),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Bucket {
    workspace: WorkspaceId,
    account: String,
    acquaintance: Acquaintance,
}

/// How fast one may guess.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Wrong guesses in a row before one has to wait.
    burst: u32,
    /// After that, one more every so often.
    interval: Duration,
}

impl Pace {
    pub(crate) const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval }
    }
}

/// The buckets of all accounts on this node: when each will be empty again.
pub(crate) struct Guesses {
    pace: Pace,
    buckets: Mutex<HashMap<Bucket, Instant>>,
}

impl Default for Guesses {
    fn default() -> Self {
        Self::new(PASSWORDS)
    }
}

/// A guess that was let through. Give it back when it was right.
#[must_use = "a right guess is given back"]
pub(crate) struct Guess(Bucket);

impl Guesses {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            buckets: Mutex::default(),
        }
    }

    /// Takes one guess at `account` of the bucket, or refuses in these words, with the
    /// time to wait.
    pub(crate) fn take(
        &self,
        workspace: WorkspaceId,
        account: &str,
        acquaintance: Acquaintance,
        refusal: &str,
    ) -> ApiResult<Guess> {
        let bucket = Bucket {
            workspace,
            account: account.to_lowercase(),
            acquaintance,
        };
        self.take_at(bucket, Instant::now()).map_err(|wait| {
            ApiError::new(http::StatusCode::TOO_MANY_REQUESTS, refusal)
                .retry_after(wait.as_secs().saturating_add(1))
        })
    }

    fn take_at(&self, bucket: Bucket, now: Instant) -> Result<Guess, Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&bucket) {
            return Ok(Guess(bucket));
        }
        let empty_at = buckets.entry(bucket.clone()).or_insert(now);
        let Pace { burst, interval } = self.pace;
        let filled = (*empty_at).max(now) + interval;
        let excess = filled.duration_since(now).saturating_sub(interval * burst);
        if !excess.is_zero() {
            return Err(excess);
        }
        *empty_at = filled;
        Ok(Guess(bucket))
    }

    /// The guess was right: it does not count.
    pub(crate) fn give_back(&self, guess: &Guess) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(empty_at) = buckets.get_mut(&guess.0)
            && let Some(earlier) = empty_at.checked_sub(self.pace.interval)
        {
            *empty_at = earlier;
        }
    }

    /// Forgets empty buckets.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|_, empty_at| *empty_at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(account: &str, acquaintance: Acquaintance) -> Bucket {
        Bucket {
            workspace: WorkspaceId::default(),
            account: account.to_owned(),
            acquaintance,
        }
    }

    #[test]
    fn strangers_fill_their_own_bucket_only() {
        let guesses = Guesses::default();
        let now = Instant::now();
        let take = |acquaintance, now| {
            guesses
                .take_at(bucket("jane", acquaintance), now)
                .map(|_| ())
        };
        for _ in 0..PASSWORDS.burst {
            take(Acquaintance::Stranger, now).unwrap();
        }
        let wait = take(Acquaintance::Stranger, now).unwrap_err();
        assert!(!wait.is_zero() && wait <= PASSWORDS.interval, "{wait:?}");
        take(Acquaintance::Known("home".into()), now).unwrap();
        guesses
            .take_at(bucket("joe", Acquaintance::Stranger), now)
            .map(|_| ())
            .unwrap();
        take(Acquaintance::Stranger, now + PASSWORDS.interval).unwrap();
        take(Acquaintance::Stranger, now + PASSWORDS.interval).unwrap_err();
    }

    #[test]
    fn right_guesses_do_not_count() {
        let guesses = Guesses::default();
        let now = Instant::now();
        for _ in 0..10 * PASSWORDS.burst {
            let guess = guesses
                .take_at(bucket("jane", Acquaintance::Stranger), now)
                .map_err(|_| "refused")
                .unwrap();
            guesses.give_back(&guess);
        }
    }

    #[test]
    fn case_does_not_make_another_account() {
        let guesses = Guesses::default();
        let workspace = WorkspaceId::default();
        let mut refused = 0;
        for index in 0..4 * PASSWORDS.burst {
            let name = if index % 2 == 0 { "Jane" } else { "jANE" };
            let taken = guesses.take(workspace, name, Acquaintance::Stranger, "wait");
            refused += u32::from(taken.is_err());
        }
        assert_eq!(refused, 3 * PASSWORDS.burst);
    }
}
