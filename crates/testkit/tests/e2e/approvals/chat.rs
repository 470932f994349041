//! What Slack sends, signed as Slack signs it.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use http::Method;
use serde_json::Value;
use testkit::{Answer, System};

pub(crate) const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// Lets a server post to this machine, and say where its pages are.
pub(crate) fn environment() -> Vec<(String, String)> {
    [
        ("ALPACON_NOTIFICATIONS__PRIVATE_HOSTS", "[\"127.0.0.1\"]"),
        ("ALPACON_SERVER__PUBLIC_URL", "http://127.0.0.1:1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Presses a button of a message that was sent through `webhook`, `age` seconds ago.
pub(crate) fn press(
    system: &System,
    webhook: &str,
    payload: &Value,
    secret: &str,
    age: i64,
) -> Answer {
    let body = form_urlencoded(&payload.to_string());
    let timestamp = chrono::Utc::now().timestamp() - age;
    let message = format!("v0:{timestamp}:{body}");
    let tag = sign(
        &Key::new(HMAC_SHA256, secret.as_bytes()),
        message.as_bytes(),
    );
    let signature = format!("v0={}", hex(tag.as_ref()));
    system.anonymous().send(
        Method::POST,
        &format!("/api/notifications/slack/{webhook}/"),
        Some(body.into_bytes()),
        &[
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-slack-request-timestamp", &timestamp.to_string()),
            ("x-slack-signature", &signature),
        ],
    )
}

fn form_urlencoded(payload: &str) -> String {
    let mut url = url::Url::parse("http://x/").unwrap();
    url.query_pairs_mut().append_pair("payload", payload);
    url.query().unwrap().to_owned()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
