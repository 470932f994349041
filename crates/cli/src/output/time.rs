//! Times in cells (`cli-core.md` §1.3).

use chrono::{DateTime, Local, SecondsFormat, TimeZone, Utc};

/// Distance to now; `None` without a time.
pub(crate) fn relative(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "None".to_owned(), |time| relative_to(time, Utc::now()))
}

/// `YYYY-MM-DD HH:MM` here; empty without a time.
pub(crate) fn local_minute(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(String::new, |time| {
        formatted(time, &Local, "%Y-%m-%d %H:%M")
    })
}

/// `YYYY-MM-DD HH:MM:SS` here.
pub(crate) fn local_second(time: DateTime<Utc>) -> String {
    formatted(time, &Local, "%Y-%m-%d %H:%M:%S")
}

/// `YYYY-MM-DD HH:MM ZONE` here; the zone is `UTC` or an offset.
pub(crate) fn local_zoned(time: DateTime<Utc>) -> String {
    zoned(time, &Local)
}

/// RFC 3339 in UTC with whole seconds.
pub(crate) fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn zoned<Z: TimeZone>(time: DateTime<Utc>, zone: &Z) -> String
where
    Z::Offset: std::fmt::Display,
{
    let text = formatted(time, zone, "%Y-%m-%d %H:%M %:z");
    text.replace(" +00:00", " UTC")
}

fn formatted<Z: TimeZone>(time: DateTime<Utc>, zone: &Z, format: &str) -> String
where
    Z::Offset: std::fmt::Display,
{
    time.with_timezone(zone).format(format).to_string()
}

fn relative_to(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (time - now).num_seconds();
    let (minutes, hours, days) = (
        seconds.abs() / 60,
        seconds.abs() / 3600,
        seconds.abs() / 86_400,
    );
    let future = time > now;
    match (future, minutes, hours) {
        (true, 0, _) => "in a few seconds".to_owned(),
        (false, 0, _) => "just now".to_owned(),
        (true, _, 0) => format!("in {minutes} minutes"),
        (false, _, 0) => format!("{minutes} minutes ago"),
        (true, _, 1..24) => format!("in {hours} hours"),
        (false, _, 1..24) => format!("{hours} hours ago"),
        (true, _, 24..48) => "tomorrow".to_owned(),
        (false, _, 24..48) => "yesterday".to_owned(),
        (true, ..) => format!("in {days} days"),
        (false, ..) => format!("{days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Duration, FixedOffset};

    #[test]
    fn distances_are_rounded_down() {
        let now = Utc.with_ymd_and_hms(2026, 1, 10, 12, 0, 0).unwrap();
        let at = |seconds| relative_to(now + Duration::seconds(seconds), now);
        assert_eq!(at(5), "in a few seconds");
        assert_eq!(at(61), "in 1 minutes");
        assert_eq!(at(3599), "in 59 minutes");
        assert_eq!(at(7300), "in 2 hours");
        assert_eq!(at(86_400), "tomorrow");
        assert_eq!(at(86_400 * 3), "in 3 days");
        assert_eq!(at(0), "just now");
        assert_eq!(at(-59), "just now");
        assert_eq!(at(-120), "2 minutes ago");
        assert_eq!(at(-3600 * 23), "23 hours ago");
        assert_eq!(at(-3600 * 47), "yesterday");
        assert_eq!(at(-3600 * 48), "2 days ago");
        assert_eq!(relative(None), "None");
    }

    #[test]
    fn local_times_follow_the_zone() {
        let time = Utc.with_ymd_and_hms(2026, 1, 10, 23, 30, 5).unwrap();
        let zone = FixedOffset::east_opt(3600).unwrap();
        assert_eq!(formatted(time, &zone, "%Y-%m-%d %H:%M"), "2026-01-11 00:30");
        assert_eq!(zoned(time, &zone), "2026-01-11 00:30 +01:00");
        assert_eq!(zoned(time, &Utc), "2026-01-10 23:30 UTC");
        assert_eq!(utc(time), "2026-01-10T23:30:05Z");
        assert_eq!(local_minute(None), "");
    }
}
