//! The server as the agent reaches it: REST requests and WebSocket dialling with
//! the agent's credentials (`agent-control.md` §5).

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN, USER_AGENT};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use transport::content::ContentClient;
use transport::http::HttpOptions;
use transport::websocket::{DialOptions, WebSocket};

use crate::config::{Identity, Tls};
use crate::files::client::StoreClient;

/// What `--version` prints and the server stores.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Longest WebSocket message, in bytes.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Longest answer we read, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// TCP, TLS and upgrade together.
const DIAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a request brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// No answer.
    #[error("the server cannot be reached: {}", chain(.0))]
    Transport(#[from] reqwest::Error),
    /// An answer we did not want.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// Longer than any legitimate answer.
    #[error("the server's answer is too long")]
    TooLong,
    /// Not the document we expected.
    #[error("the server's answer cannot be understood: {0}")]
    Decode(#[from] serde_json::Error),
}

/// A client with fixed credentials.
#[derive(Clone)]
pub(crate) struct Server {
    http: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
    base: String,
    authorization: HeaderValue,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// Verb.
    pub(crate) method: Method,
    /// Path below the base URL, from its first `/`.
    pub(crate) path: &'a str,
    /// JSON text.
    pub(crate) body: Option<Vec<u8>>,
    /// Further headers.
    pub(crate) headers: HeaderMap,
    /// For the whole exchange.
    pub(crate) timeout: Duration,
}

impl<'a> Request<'a> {
    /// A request without body.
    #[must_use]
    pub(crate) fn new(method: Method, path: &'a str, timeout: Duration) -> Self {
        Self {
            method,
            path,
            body: None,
            headers: HeaderMap::new(),
            timeout,
        }
    }
}

impl Server {
    /// A client that identifies itself as the registered agent.
    ///
    /// # Errors
    /// When the TLS settings or the credentials cannot be used.
    pub(crate) fn new(identity: &Identity, tls: &Tls) -> anyhow::Result<Self> {
        let credentials = format!("id=\"{}\", key=\"{}\"", identity.id, identity.key);
        Self::with_authorization(&identity.url, tls, &credentials)
    }

    /// A client that presents a registration token.
    ///
    /// # Errors
    /// When the TLS settings or the token cannot be used.
    pub(crate) fn with_token(url: &str, tls: &Tls, token: &str) -> anyhow::Result<Self> {
        Self::with_authorization(url, tls, &format!("token=\"{token}\""))
    }

    fn with_authorization(url: &str, tls: &Tls, credentials: &str) -> anyhow::Result<Self> {
        let mut authorization = HeaderValue::from_str(credentials)
            .map_err(|_| anyhow::anyhow!("the credentials contain characters not allowed"))?;
        authorization.set_sensitive(true);
        let tls = transport::tls::client_config(&tls.trust())?;
        let options = HttpOptions {
            user_agent: user_agent(),
            environment_proxy: false,
        };
        Ok(Self {
            http: transport::http::client(&tls, &options)?,
            tls,
            base: url.strip_suffix('/').unwrap_or(url).to_owned(),
            authorization,
        })
    }

    /// Sends `request` and returns the status and the body's bytes.
    ///
    /// # Errors
    /// When there is no whole answer in time.
    pub(crate) async fn send(
        &self,
        request: Request<'_>,
    ) -> Result<(StatusCode, Vec<u8>), RequestError> {
        let has_content = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
        let mut builder = self
            .http
            .request(request.method, self.url(request.path))
            .timeout(request.timeout)
            .header(AUTHORIZATION, self.authorization.clone())
            .headers(request.headers);
        if has_content {
            // Even without a body: servers rely on it.
            builder = builder
                .header(CONTENT_TYPE, "application/json")
                .body(request.body.unwrap_or_default());
        }
        let mut response = builder.send().await?;
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await? {
            if body.len() + bytes.len() > MAX_ANSWER {
                return Err(RequestError::TooLong);
            }
            body.extend_from_slice(&bytes);
        }
        Ok((response.status(), body))
    }

    /// `GET`, expecting status 200 and JSON.
    ///
    /// # Errors
    /// When there is no such answer.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        timeout: Duration,
    ) -> Result<T, RequestError> {
        let (status, body) = self.send(Request::new(Method::GET, path, timeout)).await?;
        if status != StatusCode::OK {
            return Err(RequestError::Status(status));
        }
        Ok(serde_json::from_slice(&body)?)
    }

    /// Opens a WebSocket with the agent's headers and `extra` ones.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub(crate) async fn dial(
        &self,
        path: &str,
        extra: HeaderMap,
    ) -> Result<WebSocket, transport::TransportError> {
        let url = websocket_url(&self.base, path);
        self.open(&url, extra, true, MAX_MESSAGE).await
    }

    /// Opens a WebSocket at an address that the server gave. Our credentials go to
    /// our own server only: an address elsewhere carries its own.
    ///
    /// # Errors
    /// When it cannot be reached or refuses.
    pub(crate) async fn dial_url(
        &self,
        url: &str,
        extra: HeaderMap,
        max_message: usize,
    ) -> Result<WebSocket, transport::TransportError> {
        let is_own = is_same_origin(&self.base, url);
        self.open(url, extra, is_own, max_message).await
    }

    /// A terminal's address: only the host of our server is accepted, and its port is
    /// the one we know (`agent-channels.md` §2.2).
    ///
    /// # Errors
    /// When it leads elsewhere; why.
    pub(crate) fn own_websocket_url(&self, url: &str) -> Result<String, String> {
        let wanted = reqwest::Url::parse(url).map_err(|error| format!("url: {error}"))?;
        let base = reqwest::Url::parse(&self.base).map_err(|error| format!("url: {error}"))?;
        let scheme = if base.scheme() == "https" {
            "wss"
        } else {
            "ws"
        };
        if wanted.scheme() != scheme || wanted.host_str() != base.host_str() {
            return Err("url must lead to this agent's own server".to_owned());
        }
        let query = wanted
            .query()
            .map(|text| format!("?{text}"))
            .unwrap_or_default();
        self.own_websocket_path(&format!("{}{query}", wanted.path()))
            .ok_or_else(|| "url has no path".to_owned())
    }

    /// The address of a path of our server, which may carry a query.
    pub(crate) fn own_websocket_path(&self, path: &str) -> Option<String> {
        if !path.starts_with('/') || path.starts_with("//") {
            return None;
        }
        let base = reqwest::Url::parse(&self.base).ok()?;
        let scheme = if base.scheme() == "https" {
            "wss"
        } else {
            "ws"
        };
        let host = base.host_str()?;
        let port = base
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        Some(format!("{scheme}://{host}{port}{path}"))
    }

    async fn open(
        &self,
        url: &str,
        mut headers: HeaderMap,
        is_own: bool,
        max_message: usize,
    ) -> Result<WebSocket, transport::TransportError> {
        if is_own {
            headers.insert(AUTHORIZATION, self.authorization.clone());
        }
        let origin = HeaderValue::from_str(&self.base)
            .map_err(|error| transport::TransportError::Url(error.to_string()))?;
        headers.insert(ORIGIN, origin);
        if let Ok(agent) = HeaderValue::from_str(&user_agent()) {
            headers.insert(USER_AGENT, agent);
        }
        let options = DialOptions {
            headers,
            timeout: DIAL_TIMEOUT,
            max_message,
        };
        transport::websocket::dial(url, &self.tls, options).await
    }

    /// A client for one transfer, for the runtime that calls this. Content arrives
    /// as it is stored, never decoded.
    ///
    /// # Errors
    /// When the HTTP library refuses the configuration.
    pub(crate) fn store_client(&self) -> anyhow::Result<StoreClient> {
        let options = HttpOptions {
            user_agent: user_agent(),
            environment_proxy: false,
        };
        Ok(StoreClient {
            http: ContentClient::new(&self.tls, &options)?,
            base: reqwest::Url::parse(&self.base)?,
            authorization: self.authorization.clone(),
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{}", self.base, collapse_slashes(path))
    }
}

/// The URL of a WebSocket below `base`. A server on port 8000 takes WebSockets
/// on 8081, a convention of development set-ups (`agent-control.md` §3.3).
fn websocket_url(base: &str, path: &str) -> String {
    let url = base.replacen("http", "ws", 1);
    let (scheme, rest) = url.split_once("://").unwrap_or(("wss", url.as_str()));
    let (authority, prefix) = rest
        .find('/')
        .and_then(|at| rest.split_at_checked(at))
        .unwrap_or((rest, ""));
    let authority = authority
        .strip_suffix(":8000")
        .map_or_else(|| authority.to_owned(), |host| format!("{host}:8081"));
    format!("{scheme}://{authority}{prefix}{path}")
}

/// Whether a WebSocket address has the scheme, host and port of our server.
fn is_same_origin(base: &str, url: &str) -> bool {
    let origin = |text: &str| {
        let url = reqwest::Url::parse(text).ok()?;
        let is_tls = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return None,
        };
        let host = url.host_str()?.to_owned();
        Some((is_tls, host, url.port_or_known_default()))
    };
    origin(base).is_some_and(|own| origin(url) == Some(own))
}

fn user_agent() -> String {
    format!("alpamon/{VERSION}")
}

fn collapse_slashes(path: &str) -> String {
    let mut collapsed = String::with_capacity(path.len() + 1);
    for character in std::iter::once('/').chain(path.chars()) {
        if character != '/' || !collapsed.ends_with('/') {
            collapsed.push(character);
        }
    }
    collapsed
}

/// What failed and its innermost cause; the layers between only repeat them.
fn chain(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "connecting failed"
    } else {
        "the exchange failed"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = cause.to_string();
    let hint = if cause.contains("UnknownIssuer") {
        "; if the server has a certificate authority of its own, name it with --ca-cert"
    } else {
        ""
    };
    format!("{what}: {cause}{hint}")
}

#[cfg(test)]
impl Server {
    /// A server that nobody answers for.
    pub(crate) fn unreachable() -> Self {
        let identity = Identity {
            url: "http://127.0.0.1:1".into(),
            id: "i".into(),
            key: "k".into(),
        };
        let tls = Tls {
            verify: true,
            ca_cert: None,
        };
        Self::new(&identity, &tls).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_websocket_urls() {
        for (base, url) in [
            ("https://acme.example.com", "wss://acme.example.com/ws/x/"),
            (
                "https://acme.example.com/t1",
                "wss://acme.example.com/t1/ws/x/",
            ),
            ("http://localhost:8000", "ws://localhost:8081/ws/x/"),
            ("https://h8000.example.com", "wss://h8000.example.com/ws/x/"),
            ("http://127.0.0.1:18000", "ws://127.0.0.1:18000/ws/x/"),
        ] {
            assert_eq!(websocket_url(base, "/ws/x/"), url);
        }
    }

    #[test]
    fn credentials_stay_with_the_own_server() {
        let base = "https://acme.example.com/t1";
        for own in [
            "wss://acme.example.com/ws/x",
            "wss://ACME.example.com:443/ws/",
        ] {
            assert!(is_same_origin(base, own), "{own}");
        }
        for foreign in [
            "ws://acme.example.com/ws/",
            "wss://acme.example.com:8443/ws/",
            "wss://acme.example.com.evil.test/",
            "wss://acme.example.com@evil.test/",
            "wss://evil.test/acme.example.com",
            "file:///acme.example.com",
            "",
        ] {
            assert!(!is_same_origin(base, foreign), "{foreign}");
        }
    }

    #[test]
    fn collapses_duplicate_slashes() {
        assert_eq!(collapse_slashes("//api//x/"), "/api/x/");
        assert_eq!(collapse_slashes("api/x"), "/api/x");
    }
}
