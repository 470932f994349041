//! Why a call failed, and the text for people (`rest-identity.md` §11).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use protocol::code;
use serde_json::Value;

/// Bytes of a body that is no JSON object shown to the user.
const RAW_BODY_LIMIT: usize = 200;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no `config.json`, or it holds no credential.
    #[error("not logged in; run `alpacon login` first")]
    NotLoggedIn,
    /// `config.json` cannot be read or is not valid.
    #[error("cannot read {path}: {reason}; run `alpacon login` to write a new one")]
    Config {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Local state cannot be written.
    #[error("cannot write {path}: {source}")]
    State {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The connection could not be prepared.
    #[error(transparent)]
    Transport(#[from] transport::TransportError),
    /// No answer came.
    #[error("cannot reach {host}: {reason}")]
    Network {
        /// Host of the request; never the whole URL, which may hold a token.
        host: String,
        /// Innermost cause.
        reason: String,
        /// A connection stood, so the server may have got the request.
        maybe_sent: bool,
    },
    /// An answer of a type that the API never sends.
    #[error("unexpected answer from the server: HTTP {status}, content type {content_type}")]
    ContentType {
        /// HTTP status.
        status: u16,
        /// As sent, shortened.
        content_type: String,
    },
    /// The body is not what the contract says.
    #[error("cannot understand the server's answer to {what}: {reason}")]
    Decode {
        /// Method and path.
        what: String,
        /// Why.
        reason: String,
    },
    /// The server refused.
    #[error("{}", .0.message)]
    Api(Box<ApiError>),
    /// A name that the server does not know.
    #[error("{noun} {name:?} not found")]
    NotFound {
        /// `server`, `user`, …
        noun: &'static str,
        /// As given.
        name: String,
    },
    /// A text that cannot be one segment of a path.
    #[error("{0:?} is not a valid id")]
    InvalidId(String),
    /// The stored login can no longer be renewed.
    #[error("cannot renew the login: {0}; run `alpacon login` again")]
    Refresh(String),
    /// The OAuth server ended the login.
    #[error("{0}")]
    Login(String),
    /// The connection broke between a submission and its confirmation.
    #[error(
        "the connection was lost before the server confirmed the command; it may have been \
         accepted: look with `alpacon exec ls` before you repeat it"
    )]
    SubmissionUnknown,
    /// The deadline passed.
    #[error("no answer from {host} within {seconds} s")]
    Timeout {
        /// Host of the request.
        host: String,
        /// The deadline.
        seconds: u64,
    },
}

/// A refusal in the server's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Machine code, see [`protocol::code`].
    pub code: Option<String>,
    /// Area that raised it.
    pub source: Option<String>,
    /// Text for people, when the server sent one.
    pub detail: Option<String>,
    /// Messages per field.
    pub fields: BTreeMap<String, Vec<String>>,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// The message built from all of the above.
    pub message: String,
}

impl Error {
    /// The server's machine code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.code.as_deref(),
            _ => None,
        }
    }

    /// The HTTP status of the refusal.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => Some(error.status),
            Self::ContentType { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The server's wish when to come back.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after,
            _ => None,
        }
    }

    /// The same error, for a call that must not be repeated blindly.
    #[must_use]
    pub fn of_submission(self) -> Self {
        match self {
            Self::Network {
                maybe_sent: true, ..
            }
            | Self::Timeout { .. } => Self::SubmissionUnknown,
            other => other,
        }
    }

    /// Whether the same call may work later (`rest-operations.md` §1.4).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Network { .. } | Self::Decode { .. } | Self::Timeout { .. } => true,
            Self::Api(_) | Self::ContentType { .. } => self
                .status()
                .is_none_or(|status| !(400..500).contains(&status) || matches!(status, 408 | 429)),
            _ => false,
        }
    }
}

impl ApiError {
    /// Reads the body of a non-2xx answer.
    #[must_use]
    pub fn from_body(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let mut error = Self {
            status,
            retry_after,
            ..Self::default()
        };
        if let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(body) {
            error.read_members(members);
        }
        error.message = if matches!(status, 401 | 403) {
            error.auth_message()
        } else {
            error.plain_message(body)
        };
        error
    }

    fn read_members(&mut self, members: serde_json::Map<String, Value>) {
        for (name, value) in members {
            let texts = match value {
                Value::String(text) => vec![text],
                Value::Array(items) => items
                    .into_iter()
                    .filter_map(|item| match item {
                        Value::String(text) => Some(text),
                        _ => None,
                    })
                    .collect(),
                _ => Vec::new(),
            };
            let Some(first) = texts.first() else { continue };
            match name.as_str() {
                "code" => self.code = Some(first.clone()),
                "source" => self.source = Some(first.clone()),
                "detail" if !first.trim().is_empty() => self.detail = Some(first.clone()),
                "detail" => {}
                _ => {
                    self.fields.insert(name, texts);
                }
            }
        }
    }

    fn auth_message(&self) -> String {
        const LOGIN: &str = "if your session has expired, run `alpacon login`";
        match (&self.detail, self.code.as_deref()) {
            (Some(detail), None) if self.status == 401 => {
                format!("{}; {LOGIN}", without_period(detail))
            }
            (Some(detail), _) => detail.clone(),
            (None, Some(code::AUTH_MFA_REQUIRED)) => {
                "a recent second factor (MFA) is required for this operation".to_owned()
            }
            (None, Some(code::API_TOKEN_ACL_NOT_ALLOWED)) => {
                "the token's access control does not allow this; review its rules with \
                 `alpacon token acl`"
                    .to_owned()
            }
            (None, None) if self.status == 401 => {
                "authentication failed; run `alpacon login` again".to_owned()
            }
            (None, Some(_)) if self.status == 401 => "denied by the server".to_owned(),
            (None, _) => "permission denied: your account lacks the privileges for this".to_owned(),
        }
    }

    fn plain_message(&self, body: &[u8]) -> String {
        if let Some(detail) = &self.detail {
            return detail.clone();
        }
        let mut parts: BTreeMap<&str, String> = BTreeMap::new();
        for (name, texts) in &self.fields {
            parts.insert(name, texts.join(", "));
        }
        for (name, text) in [("code", &self.code), ("source", &self.source)] {
            if let Some(text) = text {
                parts.insert(name, text.clone());
            }
        }
        if !parts.is_empty() {
            return parts
                .into_iter()
                .map(|(name, text)| match name {
                    "non_field_errors" => text,
                    _ => format!("{name}: {text}"),
                })
                .collect::<Vec<_>>()
                .join("; ");
        }
        let raw = String::from_utf8_lossy(body);
        let raw = raw.trim();
        if raw.is_empty() {
            return format!("the server answered HTTP {} without a reason", self.status);
        }
        let end = (0..=RAW_BODY_LIMIT.min(raw.len()))
            .rev()
            .find(|end| raw.is_char_boundary(*end))
            .unwrap_or(0);
        raw.get(..end).unwrap_or_default().to_owned()
    }
}

/// `text` without closing periods, so that a sentence can go on.
#[must_use]
pub fn without_period(text: &str) -> &str {
    text.trim_end().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(status: u16, body: &str) -> String {
        ApiError::from_body(status, body.as_bytes(), None).message
    }

    #[test]
    fn detail_wins_then_fields_then_the_raw_body() {
        assert_eq!(message(400, r#"{"detail":"No.","name":["x"]}"#), "No.");
        assert_eq!(
            message(
                400,
                r#"{"name":["a","b"],"code":"x","non_field_errors":["n"]}"#
            ),
            "code: x; name: a, b; n"
        );
        assert_eq!(message(400, r#"{"detail":"  ","source":"y"}"#), "source: y");
        assert_eq!(message(500, "[1]"), "[1]");
        assert_eq!(message(502, &"é".repeat(200)).len(), 200);
        assert!(message(500, "").contains("HTTP 500"));
    }

    #[test]
    fn refused_logins_explain_themselves() {
        assert!(message(401, r#"{"detail":"Bad token."}"#).starts_with("Bad token; if"));
        assert_eq!(message(403, r#"{"detail":"Closed."}"#), "Closed.");
        assert!(message(403, r#"{"name":["x"]}"#).starts_with("permission denied"));
        assert!(message(401, "<html>").contains("alpacon login"));
        assert!(message(401, r#"{"code":"auth_mfa_required"}"#).contains("MFA"));
        assert_eq!(message(401, r#"{"code":"zzz"}"#), "denied by the server");
    }

    #[test]
    fn the_code_survives_whatever_the_status() {
        let error = ApiError::from_body(409, br#"{"code":"c","source":"s","detail":null}"#, None);
        assert_eq!(error.code.as_deref(), Some("c"));
        assert_eq!(error.source.as_deref(), Some("s"));
    }

    #[test]
    fn only_some_refusals_are_worth_repeating() {
        for (status, transient) in [
            (400, false),
            (404, false),
            (408, true),
            (429, true),
            (503, true),
        ] {
            let error = Error::Api(Box::new(ApiError::from_body(status, b"{}", None)));
            assert_eq!(error.is_transient(), transient, "{status}");
        }
    }
}
