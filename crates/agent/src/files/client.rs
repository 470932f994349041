//! The store as a transfer reaches it: the control plane itself, or somebody else,
//! who must not see the agent's key.

use reqwest::header::HeaderValue;
use reqwest::{Response, Url};
use transport::content::ContentClient;

/// Of a refusal, in bytes.
const MAX_REFUSAL: usize = 8 * 1024;
/// Of a refusal, in characters that are shown.
const MAX_SHOWN: usize = 300;

/// A client for one transfer.
pub(crate) struct StoreClient {
    /// Without credentials.
    pub(crate) http: ContentClient,
    /// The control plane's address.
    pub(crate) base: Url,
    /// The agent's credentials.
    pub(crate) authorization: HeaderValue,
}

impl StoreClient {
    /// The agent's credentials, for the control plane only: scheme, host and port
    /// must be its own.
    pub(super) fn credentials_for(&self, url: &str) -> Option<HeaderValue> {
        let url = Url::parse(url).ok()?;
        (url.origin() == self.base.origin()).then(|| self.authorization.clone())
    }
}

/// What the store said against a request.
pub(super) async fn refusal(mut response: Response) -> String {
    let status = response.status();
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        body.extend_from_slice(&bytes);
        if body.len() >= MAX_REFUSAL {
            break;
        }
    }
    let detail = serde_json::from_slice::<serde_json::Value>(&body)
        .ok()
        .and_then(|body| body.get("detail")?.as_str().map(str::to_owned));
    match detail {
        Some(detail) => detail.chars().take(MAX_SHOWN).collect(),
        None => format!("the store answered {status}"),
    }
}

/// The innermost cause; the layers around it only repeat it. Never the URL, which
/// is a credential.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match error.source() {
        Some(_) => format!("the connection to the store failed: {cause}"),
        None => "the connection to the store failed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_control_plane_sees_the_key() {
        let client = StoreClient {
            http: crate::files::tests::plain_client(),
            base: Url::parse("https://acme.example.com").unwrap(),
            authorization: HeaderValue::from_static("secret"),
        };
        for (url, seen) in [
            ("https://acme.example.com/api/x/", true),
            ("https://acme.example.com:443/api/x/", true),
            ("https://acme.example.com:444/api/x/", false),
            ("http://acme.example.com/api/x/", false),
            ("https://acme.example.com.evil.net/", false),
            ("https://acme.example.com@evil.net/", false),
            ("not a url", false),
        ] {
            assert_eq!(client.credentials_for(url).is_some(), seen, "{url}");
        }
    }
}
