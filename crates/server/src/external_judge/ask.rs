//! The question on its way, and its answer.

use std::time::Duration;

use chain::SigningKey;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::time::timeout;

use super::{ExternalJudge, ExternalJudges, Opinion};

/// Most bytes of an answer.
const MAX_ANSWER: usize = 16 * 1024;
/// Characters of a reason that are passed on.
const MAX_REASON: usize = 500;
/// Precedes what is signed, so that a signature made here means nothing elsewhere.
const CONTEXT: &str = "alpacon external judge v1\n";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("its address cannot be used: {0}")]
    Address(String),
    #[error("it took longer than {0} ms")]
    Late(u64),
    #[error("it could not be reached")]
    Unreachable,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("its answer is too long")]
    TooLong,
    #[error("its answer is none: {0}")]
    Unreadable(String),
}

#[derive(Deserialize)]
struct Answer {
    verdict: Verdict,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// No opinion, or none against it: nothing is loosened by it.
    Allow,
    Hold,
    Deny,
}

/// Asks, within the deadline.
pub(super) async fn ask(
    judges: &ExternalJudges,
    judge: &ExternalJudge,
    key: &SigningKey,
    time: DateTime<Utc>,
    body: Vec<u8>,
) -> Result<Opinion, AskError> {
    let deadline = Duration::from_millis(judge.deadline_ms);
    match timeout(deadline, send(judges, judge, key, time, body)).await {
        Ok(answer) => read(&answer?),
        Err(_) => Err(AskError::Late(judge.deadline_ms)),
    }
}

async fn send(
    judges: &ExternalJudges,
    judge: &ExternalJudge,
    key: &SigningKey,
    time: DateTime<Utc>,
    body: Vec<u8>,
) -> Result<Vec<u8>, AskError> {
    // The operator may have narrowed what may be gone to since it was saved.
    let url = judges.addresses.check(&judge.url);
    let url = url.map_err(|error| AskError::Address(error.to_string()))?;
    let timestamp = time.timestamp().to_string();
    let request = judges
        .client
        .post(url)
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header("alpacon-timestamp", &timestamp)
        .header("alpacon-key", key.public_hex())
        .header("alpacon-signature", signature(key, &timestamp, &body))
        .body(body);
    let mut response = request.send().await.map_err(|error| {
        tracing::info!(error = %error.without_url(), "an external judge could not be reached");
        AskError::Unreachable
    })?;
    if response.status().as_u16() != 200 {
        return Err(AskError::Status(response.status().as_u16()));
    }
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| AskError::Unreachable)? {
        if answer.len() + chunk.len() > MAX_ANSWER {
            return Err(AskError::TooLong);
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

/// Ed25519 over the context, the time and the body, in hexadecimal.
fn signature(key: &SigningKey, timestamp: &str, body: &[u8]) -> String {
    let signed = [CONTEXT.as_bytes(), timestamp.as_bytes(), b"\n", body].concat();
    chain::hex_encode(&key.sign(&signed))
}

fn read(answer: &[u8]) -> Result<Opinion, AskError> {
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|error| AskError::Unreadable(error.to_string()))?;
    let reason = match answer.reason.trim() {
        "" => "The external judge is against it.".to_owned(),
        text => {
            let shown = text
                .chars()
                .filter(|char| !char.is_control())
                .take(MAX_REASON);
            format!("The external judge: {}", shown.collect::<String>())
        }
    };
    Ok(match answer.verdict {
        Verdict::Allow => Opinion::None,
        Verdict::Hold => Opinion::Hold(reason),
        Verdict::Deny => Opinion::Deny(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_only_tightens() {
        let opinion = |text: &str| read(text.as_bytes()).ok();
        assert_eq!(opinion(r#"{"verdict":"allow"}"#), Some(Opinion::None));
        assert_eq!(
            opinion(r#"{"verdict":"deny","reason":"no\u001b[2J\n"}"#),
            Some(Opinion::Deny("The external judge: no[2J".to_owned()))
        );
        assert_eq!(
            opinion(r#"{"verdict":"hold"}"#),
            Some(Opinion::Hold(
                "The external judge is against it.".to_owned()
            ))
        );
        for text in [
            "",
            "{}",
            "[]",
            r#"{"verdict":"maybe"}"#,
            r#"{"verdict":true}"#,
        ] {
            assert_eq!(opinion(text), None, "{text}");
        }
    }

    #[test]
    fn the_signature_covers_time_and_body() {
        let (key, _) = SigningKey::generate().unwrap();
        let made = signature(&key, "1", b"{}");
        assert_eq!(made.len(), 128);
        assert_ne!(made, signature(&key, "2", b"{}"));
        assert_ne!(made, signature(&key, "1", b"{ }"));
    }
}
