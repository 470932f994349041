//! Signatures: ours on what we send, and those of chats on what they send.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};

/// How far a signed time may be from now: against replays.
const WINDOW: TimeDelta = TimeDelta::minutes(5);

/// Our own signature of a notification.
pub(super) fn ours(secret: &str, timestamp: i64, body: &[u8]) -> String {
    let message = [format!("v1:{timestamp}:").as_bytes(), body].concat();
    let tag = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), &message);
    format!("v1={}", chain::hex_encode(tag.as_ref()))
}

/// Whether Slack signed a request (`X-Slack-Request-Timestamp`, `X-Slack-Signature`).
pub(super) fn is_slacks(
    secret: &str,
    timestamp: &str,
    signature: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> bool {
    let time = timestamp.parse().ok();
    let time = time.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let Some(tag) = signature.strip_prefix("v0=").and_then(unhex) else {
        return false;
    };
    let message = [format!("v0:{timestamp}:").as_bytes(), body].concat();
    !secret.is_empty()
        && time.is_some_and(|time| is_recent(time, now))
        && verify(&Key::new(HMAC_SHA256, secret.as_bytes()), &message, &tag).is_ok()
}

/// Whether Teams signed a request (`Authorization: HMAC …`). The time is in the body.
pub(super) fn is_teams(secret: &str, authorization: &str, body: &[u8]) -> bool {
    let tag = authorization.strip_prefix("HMAC ");
    let tag = tag.and_then(|text| STANDARD.decode(text.trim()).ok());
    let key = STANDARD.decode(secret.trim()).ok();
    match (tag, key) {
        (Some(tag), Some(key)) if !key.is_empty() => {
            verify(&Key::new(HMAC_SHA256, &key), body, &tag).is_ok()
        }
        _ => false,
    }
}

/// Whether a signed time is close enough to now.
pub(super) fn is_recent(time: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (now - time).abs() <= WINDOW
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

    fn slack(timestamp: i64, body: &[u8]) -> String {
        let message = [format!("v0:{timestamp}:").as_bytes(), body].concat();
        let tag = sign(&Key::new(HMAC_SHA256, SECRET.as_bytes()), &message);
        format!("v0={}", chain::hex_encode(tag.as_ref()))
    }

    #[test]
    fn slack_signs_its_own_body_and_time() {
        let time = DateTime::from_timestamp(1_531_420_618, 0).unwrap();
        let signature = slack(1_531_420_618, b"payload=1");
        let check = |timestamp: &str, signature: &str, body: &[u8], now| {
            is_slacks(SECRET, timestamp, signature, body, now)
        };
        assert!(check("1531420618", &signature, b"payload=1", time));
        assert!(!check("1531420618", &signature, b"payload=2", time));
        assert!(!check("1531420619", &signature, b"payload=1", time));
        assert!(!check("1531420618", "v0=", b"payload=1", time));
        assert!(!check("1531420618", "v0=zz", b"payload=1", time));
        assert!(!check("1531420618", "v0=é", b"payload=1", time));
        assert!(!check("soon", &signature, b"payload=1", time));
        for late in [6, -6] {
            let now = time + TimeDelta::minutes(late);
            assert!(!check("1531420618", &signature, b"payload=1", now));
        }
        assert!(!is_slacks("", "1531420618", &signature, b"payload=1", time));
        assert!(!is_slacks(
            "other",
            "1531420618",
            &signature,
            b"payload=1",
            time
        ));
    }

    #[test]
    fn teams_signs_its_body() {
        let secret = STANDARD.encode(b"a key of teams");
        let tag = sign(&Key::new(HMAC_SHA256, b"a key of teams"), b"{}");
        let header = format!("HMAC {}", STANDARD.encode(tag.as_ref()));
        assert!(is_teams(&secret, &header, b"{}"));
        assert!(!is_teams(&secret, &header, b"{} "));
        assert!(!is_teams("", &header, b"{}"));
        assert!(!is_teams(&secret, "HMAC ", b"{}"));
        assert!(!is_teams(&secret, &header.replace("HMAC", "Bearer"), b"{}"));
    }

    #[test]
    fn ours_covers_body_and_time() {
        let signature = ours("secret", 1, b"{}");
        assert_eq!(signature.len(), 3 + 64);
        assert_ne!(signature, ours("secret", 2, b"{}"));
        assert_ne!(signature, ours("secret", 1, b"{ }"));
        assert_ne!(signature, ours("other", 1, b"{}"));
    }
}
