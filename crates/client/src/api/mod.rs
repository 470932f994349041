//! One authenticated connection to a workspace (`rest-identity.md` §2–§3).

mod answer;
mod credential;
mod dialer;

use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::{RequestBuilder, Response, Url};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use transport::content::ContentClient;
use transport::http::HttpOptions;
use transport::tls::Trust;
use transport::websocket::DialOptions;

use crate::{ApiError, Config, Error};

use answer::{check_content_type, decoded, parsed, retry_after};

pub use credential::Credential;
pub use dialer::Dialer;

/// How long one ordinary request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest body read, in bytes.
const MAX_BODY: usize = 64 << 20;
/// Says nothing to a store that need not know.
const CONTENT_USER_AGENT: &str = "http-client";
/// Query parameters: names are fixed, values are encoded here.
pub type Query<'a> = [(&'a str, String)];

/// A workspace as seen with one credential. Building one costs nothing: TLS and
/// the HTTP client are set up by the first request.
#[derive(Debug)]
pub struct Api {
    base: String,
    user_agent: String,
    trust: Trust,
    authorization: RwLock<Option<HeaderValue>>,
    tls: OnceLock<Arc<ClientConfig>>,
    http: OnceLock<reqwest::Client>,
    content: OnceLock<ContentClient>,
}

impl Api {
    /// `base` without closing slash. `user_agent` is `alpacon-cli/<version>`.
    ///
    /// # Errors
    /// When the credential cannot be a header.
    pub fn new(
        base: &str,
        credential: &Credential,
        insecure: bool,
        user_agent: &str,
    ) -> Result<Self, Error> {
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            user_agent: user_agent.to_owned(),
            trust: if insecure {
                Trust::Anybody
            } else {
                Trust::System
            },
            authorization: RwLock::new(credential.header()?),
            tls: OnceLock::new(),
            http: OnceLock::new(),
            content: OnceLock::new(),
        })
    }

    /// The stored workspace with its stored credential.
    ///
    /// # Errors
    /// When nobody is logged in.
    pub fn from_config(config: &Config, user_agent: &str) -> Result<Self, Error> {
        match config.credential() {
            Credential::None => Err(Error::NotLoggedIn),
            credential => Self::new(
                &config.workspace_url,
                &credential,
                config.insecure,
                user_agent,
            ),
        }
    }

    /// Base URL without closing slash.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Uses another credential from the next request on.
    ///
    /// # Errors
    /// When it cannot be a header.
    pub fn set_credential(&self, credential: &Credential) -> Result<(), Error> {
        let header = credential.header()?;
        *self
            .authorization
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = header;
        Ok(())
    }

    /// `GET`, decoded leniently.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses or answers something else.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Query<'_>,
    ) -> Result<T, Error> {
        let body = self.get_bytes(path, query).await?;
        decoded(&Method::GET, path, &body)
    }

    /// `GET`, the JSON body as the server wrote it.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn get_json(&self, path: &str, query: &Query<'_>) -> Result<Value, Error> {
        let body = self.get_bytes(path, query).await?;
        parsed(&Method::GET, path, &body)
    }

    /// `GET` whose answer does not matter beyond its status.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn get_ignoring(&self, path: &str) -> Result<(), Error> {
        self.get_bytes(path, &[]).await?;
        Ok(())
    }

    /// `POST` with a JSON body; the answer is decoded.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Error> {
        let answer = self.send_body(Method::POST, path, &[], body).await?;
        decoded(&Method::POST, path, &answer)
    }

    /// `POST` with query parameters; the answer is decoded.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn post_query<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Query<'_>,
        body: &B,
    ) -> Result<T, Error> {
        let answer = self.send_body(Method::POST, path, query, body).await?;
        decoded(&Method::POST, path, &answer)
    }

    /// `POST` whose answer does not matter beyond its status.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn post_ignoring<B: Serialize + ?Sized>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<(), Error> {
        self.send_body(Method::POST, path, &[], body).await?;
        Ok(())
    }

    /// `PATCH`, the JSON answer as the server wrote it.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn patch_json<B: Serialize + ?Sized>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<Value, Error> {
        let answer = self.send_body(Method::PATCH, path, &[], body).await?;
        parsed(&Method::PATCH, path, &answer)
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        let request = self
            .request(Method::DELETE, path, &[])?
            .timeout(REQUEST_TIMEOUT);
        self.finish(request).await?;
        Ok(())
    }

    /// `POST` that accepts `accept`, handing out the answer while it comes. A
    /// refusal is read whole and returned as an error. There is no deadline for
    /// the body; the caller watches it.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn post_streaming<B: Serialize + ?Sized>(
        &self,
        path: &str,
        body: &B,
        accept: &'static str,
    ) -> Result<Response, Error> {
        let request = self
            .request(Method::POST, path, &[])?
            .header(header::ACCEPT, accept)
            .json(body);
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, request.send())
            .await
            .map_err(|_| self.timed_out())?;
        let response = answer.map_err(|error| self.network(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    /// Reads the rest of a JSON answer.
    ///
    /// # Errors
    /// Like [`Api::get`].
    pub async fn read_json<T: DeserializeOwned>(
        &self,
        path: &str,
        response: Response,
    ) -> Result<T, Error> {
        check_content_type(&response)?;
        let body = self.body(response).await?;
        decoded(&Method::POST, path, &body)
    }

    /// A dialler for WebSocket URLs that the server hands out. They carry their own
    /// credential, so no `Authorization` is sent.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn dialer(&self, timeout: Duration, max_message: usize) -> Result<Dialer, Error> {
        let mut headers = HeaderMap::new();
        for (name, text) in [
            (header::ORIGIN, &self.base),
            (header::USER_AGENT, &self.user_agent),
        ] {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
        Ok(Dialer {
            tls: self.tls()?.clone(),
            options: DialOptions {
                headers,
                timeout,
                max_message,
            },
        })
    }

    /// A request to a host other than the workspace's: no credential.
    pub(crate) fn foreign(&self, method: Method, url: &str) -> Result<RequestBuilder, Error> {
        let url = Url::parse(url).map_err(|error| {
            Error::Login(format!("invalid address of the login server: {error}"))
        })?;
        Ok(self.http()?.request(method, url).timeout(REQUEST_TIMEOUT))
    }

    /// A client for signed URLs of a store: no credential, no name of ours, content
    /// as it is stored.
    pub(crate) fn content_client(&self) -> Result<&ContentClient, Error> {
        if let Some(http) = self.content.get() {
            return Ok(http);
        }
        let options = HttpOptions {
            user_agent: CONTENT_USER_AGENT.to_owned(),
            environment_proxy: true,
        };
        let http = ContentClient::new(self.tls()?, &options)?;
        Ok(self.content.get_or_init(|| http))
    }

    /// Sends and gives status and body, whatever they are.
    pub(crate) async fn exchange(&self, request: RequestBuilder) -> Result<(u16, Vec<u8>), Error> {
        let response = request.send().await.map_err(|error| self.network(&error))?;
        let status = response.status().as_u16();
        Ok((status, self.body(response).await?))
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        query: &Query<'_>,
    ) -> Result<RequestBuilder, Error> {
        let mut url = Url::parse(&format!("{}{path}", self.base)).map_err(|error| {
            Error::Login(format!("invalid workspace address {}: {error}", self.base))
        })?;
        if !query.is_empty() {
            let mut sorted: Vec<&(&str, String)> = query.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            url.query_pairs_mut()
                .extend_pairs(sorted.into_iter().map(|(name, value)| (*name, value)));
        }
        let mut request = self.http()?.request(method, url);
        let authorization = self
            .authorization
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    async fn get_bytes(&self, path: &str, query: &Query<'_>) -> Result<Vec<u8>, Error> {
        let request = self
            .request(Method::GET, path, query)?
            .timeout(REQUEST_TIMEOUT);
        self.finish(request).await
    }

    async fn send_body<B: Serialize + ?Sized>(
        &self,
        method: Method,
        path: &str,
        query: &Query<'_>,
        body: &B,
    ) -> Result<Vec<u8>, Error> {
        let request = self
            .request(method, path, query)?
            .timeout(REQUEST_TIMEOUT)
            .json(body);
        self.finish(request).await
    }

    async fn finish(&self, request: RequestBuilder) -> Result<Vec<u8>, Error> {
        let response = request.send().await.map_err(|error| self.network(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        check_content_type(&response)?;
        self.body(response).await
    }

    async fn refusal(&self, response: Response) -> Error {
        let status = response.status().as_u16();
        let is_auth = matches!(status, 401 | 403);
        if !is_auth && let Err(error) = check_content_type(&response) {
            return error;
        }
        let retry_after = if is_auth {
            None
        } else {
            retry_after(response.headers())
        };
        match self.body(response).await {
            Ok(body) => Error::Api(Box::new(ApiError::from_body(status, &body, retry_after))),
            Err(error) => error,
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.network(&error))?
        {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(Error::Decode {
                    what: response.url().path().to_owned(),
                    reason: format!("it is longer than {MAX_BODY} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(crate) fn network(&self, error: &reqwest::Error) -> Error {
        let host = error
            .url()
            .and_then(Url::host_str)
            .map_or_else(|| self.host(), ToOwned::to_owned);
        if error.is_timeout() && !error.is_connect() {
            return Error::Timeout {
                host,
                seconds: REQUEST_TIMEOUT.as_secs(),
            };
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Error::Network {
            host,
            reason: cause.to_string(),
            maybe_sent: !error.is_connect(),
        }
    }

    fn timed_out(&self) -> Error {
        Error::Timeout {
            host: self.host(),
            seconds: REQUEST_TIMEOUT.as_secs(),
        }
    }

    fn host(&self) -> String {
        Url::parse(&self.base)
            .ok()
            .and_then(|url| url.host_str().map(ToOwned::to_owned))
            .unwrap_or_else(|| self.base.clone())
    }

    fn tls(&self) -> Result<&Arc<ClientConfig>, Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let tls = transport::tls::client_config(&self.trust)?;
        Ok(self.tls.get_or_init(|| tls))
    }

    fn http(&self) -> Result<&reqwest::Client, Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let options = HttpOptions {
            user_agent: self.user_agent.clone(),
            environment_proxy: true,
        };
        let http = transport::http::client(self.tls()?, &options)?;
        Ok(self.http.get_or_init(|| http))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_credential() {
        let api = Api::new(
            "https://h/",
            &Credential::Token("s3cret".into()),
            false,
            "t",
        )
        .unwrap();
        assert!(!format!("{api:?}").contains("s3cret"));
    }
}
