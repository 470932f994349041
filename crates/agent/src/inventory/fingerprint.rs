//! The fingerprint of a category of system information (`agent-control.md` §8.6):
//! SHA-256 over its compact JSON, escaped as the public agent escapes it, so that
//! replacing that agent by this one changes no fingerprint.

use aws_lc_rs::digest;
use serde_json::Value;

/// `sha256:` and 64 hex digits.
#[must_use]
pub(crate) fn fingerprint(data: &Value) -> String {
    let hash = digest::digest(&digest::SHA256, escaped(data).as_bytes());
    format!("sha256:{}", crate::hex::encode(hash.as_ref()))
}

/// Outside strings none of these characters occurs in JSON.
fn escaped(data: &Value) -> String {
    let text = data.to_string();
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn escapes_like_the_public_agent() {
        let data = json!([{"b": "<&>\u{2028}é", "a": "\u{1}\n\u{7f}\"\\"}]);
        assert_eq!(
            escaped(&data),
            "[{\"b\":\"\\u003c\\u0026\\u003e\\u2028é\",\"a\":\"\\u0001\\n\u{7f}\\\"\\\\\"}]"
        );
    }

    #[test]
    fn is_the_hash_of_the_text() {
        assert_eq!(
            fingerprint(&json!([])),
            "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
        );
        assert_eq!(
            fingerprint(&Value::Null),
            "sha256:74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"
        );
    }
}
