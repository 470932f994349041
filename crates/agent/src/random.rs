//! Randomness: channel values, boot ids and the jitter of delays.

use std::time::Duration;

/// `N` unpredictable bytes.
///
/// # Errors
/// When the operating system has none to give.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], std::io::Error> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| std::io::Error::other("no randomness available"))?;
    Ok(bytes)
}

/// 32 lower-case hex digits.
///
/// # Errors
/// When the operating system has no randomness to give.
pub(crate) fn token() -> Result<String, std::io::Error> {
    Ok(crate::hex::encode(&bytes::<16>()?))
}

/// A duration from `low` up to `high`, so that many agents do not act at once.
#[must_use]
pub(crate) fn between(low: Duration, high: Duration) -> Duration {
    // Without randomness the middle serves: only spreading is lost.
    let share = bytes::<4>().map_or(0.5, |bytes| {
        f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
    });
    low + high.saturating_sub(low).mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_between() {
        let (low, high) = (Duration::from_secs(1), Duration::from_secs(2));
        for _ in 0..100 {
            let drawn = between(low, high);
            assert!(low <= drawn && drawn <= high, "{drawn:?}");
        }
        assert_ne!(token().unwrap(), token().unwrap());
    }
}
