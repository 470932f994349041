//! HTTP to issuers: bounded in time and size, without redirects, and never to an
//! address that the operator would not want.

use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use transport::tls::Trust;
use url::Url;

use super::OidcError;
use crate::egress::{self, Addresses};

/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const MAX_BODY: usize = 512 * 1024;

/// The HTTP client for issuers.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: reqwest::Client,
    addresses: Addresses,
}

impl Fetcher {
    /// `ca_file`: who to trust instead of the public authorities.
    pub(crate) fn new(
        addresses: Addresses,
        ca_file: Option<&Path>,
    ) -> Result<Self, transport::TransportError> {
        let trust = ca_file.map_or(Trust::System, |path| Trust::Only(path.to_owned()));
        let client = egress::client(addresses.clone(), &trust, TIMEOUT)?;
        Ok(Self { client, addresses })
    }

    /// The rule about addresses.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// A JSON document.
    pub(super) async fn json<T: DeserializeOwned>(&self, address: &str) -> Result<T, OidcError> {
        self.document(address, None, "did not give the document")
            .await
    }

    /// A JSON document that only the bearer of a token gets.
    pub(crate) async fn json_for(
        &self,
        address: &str,
        token: &str,
    ) -> Result<serde_json::Value, OidcError> {
        self.document(address, Some(token), "did not say who signed in")
            .await
    }

    async fn document<T: DeserializeOwned>(
        &self,
        address: &str,
        token: Option<&str>,
        refused: &'static str,
    ) -> Result<T, OidcError> {
        let url = self.addresses.check(address)?;
        let mut request = self.client.get(url.clone());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let (status, body) = self.send(&url, request).await?;
        if status != 200 {
            return Err(unavailable(&url, refused));
        }
        serde_json::from_slice(&body).map_err(|_| unavailable(&url, "gave no readable document"))
    }

    /// Posts a form; gives status and body.
    pub(crate) async fn form(
        &self,
        address: &str,
        fields: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Result<(u16, Vec<u8>), OidcError> {
        let url = self.addresses.check(address)?;
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut request = self
            .client
            .post(url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(body);
        if let Some((name, secret)) = basic {
            request = request.basic_auth(encoded(name), Some(encoded(secret)));
        }
        self.send(&url, request).await
    }

    async fn send(
        &self,
        url: &Url,
        request: reqwest::RequestBuilder,
    ) -> Result<(u16, Vec<u8>), OidcError> {
        let mut response = request.send().await.map_err(|error| {
            // Without the URL: its query may hold what is no business of a log.
            tracing::info!(host = url.host_str(), error = %error.without_url(), "an issuer could not be reached");
            unavailable(url, "could not be reached")
        })?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|_| unavailable(url, "broke off its answer"))? {
                None => return Ok((status, body)),
                Some(chunk) if body.len() + chunk.len() > MAX_BODY => {
                    return Err(unavailable(url, "answered with too much"));
                }
                Some(chunk) => body.extend_from_slice(&chunk),
            }
        }
    }
}

/// What RFC 6749 §2.3.1 wants of names and secrets in the header.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn unavailable(url: &Url, what: &'static str) -> OidcError {
    OidcError::Unavailable {
        host: url.host_str().unwrap_or_default().to_owned(),
        what,
    }
}
