//! The HTTP API as a stranger would call it: no types, no retries.

use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;
use transport::http::HttpOptions;
use transport::tls::{Trust, client_config};

use crate::runtime::block_on;
use crate::socket::{Refusal, Socket};
use crate::{OrFail, patience};

/// Who calls.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nobody.
    None,
    /// A login, personal or service token.
    Token(String),
    /// An agent.
    Agent {
        /// Server id.
        id: String,
        /// Its key.
        key: String,
    },
    /// This value of the `Authorization` header.
    Raw(String),
}

impl Credential {
    fn header(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Token(token) => Some(format!("token=\"{token}\"")),
            Self::Agent { id, key } => Some(format!("id=\"{id}\", key=\"{key}\"")),
            Self::Raw(value) => Some(value.clone()),
        }
    }
}

/// A caller.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    client: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
    credential: Credential,
    host: Option<String>,
}

impl Api {
    pub(crate) fn new(url: &str, ca_file: Option<&Path>, credential: Credential) -> Self {
        let trust = ca_file.map_or(Trust::System, |path| Trust::Only(path.to_owned()));
        let tls = client_config(&trust).or_fail("set up TLS");
        let options = HttpOptions {
            user_agent: "alpacon-testkit".to_owned(),
            environment_proxy: false,
        };
        let client = transport::http::client(&tls, &options).or_fail("set up HTTP");
        Self {
            url: url.to_owned(),
            client,
            tls,
            credential,
            host: None,
        }
    }

    /// The same server, called by this host name.
    #[must_use]
    pub fn at_host(&self, host: &str) -> Self {
        Self {
            host: Some(host.to_owned()),
            ..self.clone()
        }
    }

    /// The same server, called by somebody else.
    #[must_use]
    pub fn as_caller(&self, credential: Credential) -> Self {
        Self {
            credential,
            ..self.clone()
        }
    }

    /// The same caller, who sees redirects instead of following them.
    #[must_use]
    pub fn seeing_redirects(&self) -> Self {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.as_ref().clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .or_fail("set up HTTP");
        Self {
            client,
            ..self.clone()
        }
    }

    /// Base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `GET path`.
    #[track_caller]
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[])
    }

    /// `POST path` with a JSON body.
    #[track_caller]
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::POST, path, body)
    }

    /// `PUT path` with a JSON body.
    #[track_caller]
    #[must_use]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::PUT, path, body)
    }

    /// `PATCH path` with a JSON body.
    #[track_caller]
    #[must_use]
    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send_json(Method::PATCH, path, body)
    }

    /// `DELETE path`.
    #[track_caller]
    #[must_use]
    pub fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, &[])
    }

    /// Any request; the body goes out as it is.
    #[track_caller]
    #[must_use]
    pub fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let what: String = format!("{method} {path}").chars().take(200).collect();
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .headers(self.headers(headers))
            .timeout(patience());
        if let Some(body) = body {
            request = request.body(body);
        }
        block_on(&what, async {
            let response = request.send().await.or_fail(&what);
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            let body = response.bytes().await.or_fail(&what).to_vec();
            Answer {
                what: what.clone(),
                status,
                headers,
                body,
            }
        })
    }

    /// Opens a WebSocket on `path`, or gives the HTTP status of the refusal.
    ///
    /// # Errors
    /// The status, when the server refused the upgrade.
    #[track_caller]
    pub fn socket(&self, path: &str) -> Result<Socket, Refusal> {
        let url = format!("{}{path}", self.url.replacen("http", "ws", 1));
        self.socket_url(&url)
    }

    /// Opens a WebSocket on a whole `ws(s)://` URL that the server gave out.
    ///
    /// # Errors
    /// The status, when the server refused the upgrade.
    #[track_caller]
    pub fn socket_url(&self, url: &str) -> Result<Socket, Refusal> {
        Socket::open(url, &self.tls, self.headers(&[("origin", &self.url)]))
    }

    #[track_caller]
    fn send_json(&self, method: Method, path: &str, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(method, path, Some(body.to_string().into_bytes()), &headers)
    }

    fn headers(&self, more: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(host) = &self.host {
            let value = HeaderValue::try_from(host).or_fail("send this host name");
            headers.insert(http::header::HOST, value);
        }
        if let Some(value) = self.credential.header() {
            let value = HeaderValue::try_from(value).or_fail("send this credential");
            headers.insert(http::header::AUTHORIZATION, value);
        }
        for (name, value) in more {
            let name = HeaderName::try_from(*name).or_fail("send this header");
            let value = HeaderValue::try_from(*value).or_fail("send this header");
            headers.insert(name, value);
        }
        headers
    }
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    what: String,
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Fails the test unless the status is `expected`.
    #[track_caller]
    pub fn expect(self, expected: u16) -> Self {
        assert_eq!(self.status, expected, "{}: {}", self.what, self.text());
        self
    }

    /// Fails the test unless the status is 2xx.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(
            (200..300).contains(&self.status),
            "{}: {} {}",
            self.what,
            self.status,
            self.text()
        );
        self
    }

    /// Fails the test unless this is an error with `status`, `code` and a
    /// `detail` that clients can show.
    #[track_caller]
    pub fn refuses(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        let body = answer.json();
        assert_eq!(
            body.get("code").and_then(Value::as_str),
            Some(code),
            "{}: {body}",
            answer.what
        );
        let detail = body.get("detail").and_then(Value::as_str).unwrap_or("");
        assert!(
            !detail.trim().is_empty(),
            "{}: no detail: {body}",
            answer.what
        );
        answer
    }

    /// The body as JSON.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{}: {error} in {:?}", self.what, self.text()),
        }
    }

    /// A member of the JSON body, by JSON pointer, as text.
    #[track_caller]
    #[must_use]
    pub fn text_at(&self, pointer: &str) -> String {
        let body = self.json();
        match body.pointer(pointer).and_then(Value::as_str) {
            Some(text) => text.to_owned(),
            None => panic!("{}: no text at {pointer} in {body}", self.what),
        }
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, empty when absent.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    }
}
