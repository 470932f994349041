//! What an answer must look like (`rest-identity.md` §2).

use std::time::Duration;

use http::{HeaderMap, Method, header};
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, decode};

pub(super) fn decoded<T: DeserializeOwned>(
    method: &Method,
    path: &str,
    body: &[u8],
) -> Result<T, Error> {
    decode::from_slice(body).map_err(|error| undecodable(method, path, &error))
}

pub(super) fn parsed(method: &Method, path: &str, body: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(body).map_err(|error| undecodable(method, path, &error))
}

fn undecodable(method: &Method, path: &str, error: &serde_json::Error) -> Error {
    Error::Decode {
        what: format!("{method} {path}"),
        reason: error.to_string(),
    }
}

/// The content type must be JSON or absent.
pub(super) fn check_content_type(response: &Response) -> Result<(), Error> {
    let Some(value) = response.headers().get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    if text.is_empty() || text.to_ascii_lowercase().contains("application/json") {
        return Ok(());
    }
    Err(Error::ContentType {
        status: response.status().as_u16(),
        content_type: text.chars().take(80).collect(),
    })
}

/// Only whole seconds above zero are honoured.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn retry_after_reads_seconds_only() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            retry_after(&headers)
        };
        assert_eq!(read(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(read("0"), None);
        assert_eq!(read("Wed, 21 Oct 2015 07:28:00 GMT"), None);
    }
}
