//! Durations as people type them (`cli-core.md` §1.9): decimal numbers, each
//! with a unit `ns`, `us`, `µs`, `ms`, `s`, `m` or `h`, chained: `1h30m`, `1.5h`.

use std::time::Duration;

/// Why a duration text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing between the spaces.
    #[error("empty duration; write for example 30m or 1h30m")]
    Empty,
    /// Not a sequence of numbers with units.
    #[error("invalid duration {0:?}; write for example 30m, 90s or 1h30m")]
    Malformed(String),
    /// Negative, or beyond what a 64-bit count of nanoseconds holds.
    #[error("duration {0:?} is out of range")]
    OutOfRange(String),
}

/// Longest accepted duration, the range of a signed 64-bit nanosecond count.
const MAX_SECONDS: f64 = 9_223_372_036.0;

/// Parses a non-negative duration; surrounding white space is ignored.
///
/// # Errors
/// When the text is empty, malformed, negative or out of range.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(DurationError::Empty);
    }
    let malformed = || DurationError::Malformed(trimmed.to_owned());
    if trimmed.starts_with('-') {
        return Err(DurationError::OutOfRange(trimmed.to_owned()));
    }
    let mut rest = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(malformed());
    }
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(malformed)?;
        let (number, tail) = rest.split_at(digits);
        let value: f64 = number.parse().map_err(|_| malformed())?;
        let unit = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit);
        seconds += value
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(malformed()),
            };
        rest = next;
    }
    if seconds > MAX_SECONDS {
        return Err(DurationError::OutOfRange(trimmed.to_owned()));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_chained_and_fractional_units() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse(" 1.5h "), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for text in ["", "  ", "h", "5", "1d", "1h x", "1..5h", "+", "."] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("-5m"), Err(DurationError::OutOfRange("-5m".into())));
        assert!(parse("99999999999h").is_err());
    }
}
