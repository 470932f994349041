//! How often to ask (`cli-core.md` §2.6).

use std::time::Duration;

/// Consecutive failures that end a wait for an approval as still pending.
pub const MAX_FAILURES: u32 = 5;
/// How long a wait for an approval lasts by default.
pub const DEFAULT_APPROVAL_WAIT: Duration = Duration::from_secs(5 * 60);

/// Gap to the next poll of a wait that is `age` old: the older, the wider.
#[must_use]
pub fn aging(tick: Duration, age: Duration) -> Duration {
    if age < tick * 10 {
        tick
    } else if age < tick * 60 {
        tick * 5
    } else {
        tick * 10
    }
}

/// Gap after a failed poll; `failures` counts the earlier ones in a row.
#[must_use]
pub fn backoff(tick: Duration, failures: u32, retry_after: Option<Duration>) -> Duration {
    let cap = tick * 60;
    retry_after
        .unwrap_or_else(|| tick.saturating_mul(2_u32.saturating_pow(failures)))
        .min(cap)
}

/// Gap before a channel is dialled again: 1, 2, 4, 8, 16, 30, 30 … s.
#[must_use]
pub fn reconnect(failures: u32) -> Duration {
    Duration::from_secs(2_u64.saturating_pow(failures)).min(Duration::from_secs(30))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn polls_age() {
        assert_eq!(aging(S, S * 9), S);
        assert_eq!(aging(S, S * 10), S * 5);
        assert_eq!(aging(S, S * 60), S * 10);
    }

    #[test]
    fn failures_back_off_to_a_cap() {
        assert_eq!(backoff(S, 0, None), S);
        assert_eq!(backoff(S, 3, None), S * 8);
        assert_eq!(backoff(S, 40, None), S * 60);
        assert_eq!(backoff(S, 0, Some(S * 7)), S * 7);
        assert_eq!(backoff(S, 0, Some(S * 700)), S * 60);
    }

    #[test]
    fn reconnects_double_to_thirty_seconds() {
        let gaps: Vec<u64> = (0..7).map(|n| reconnect(n).as_secs()).collect();
        assert_eq!(gaps, [1, 2, 4, 8, 16, 30, 30]);
    }
}
