//! The HTTP client for content: like any other, but large answers come over connections
//! that are read ahead beneath TLS, which the HTTP library cannot be told.

use std::sync::Arc;

use http::header::{ACCEPT, HOST, USER_AGENT};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use reqwest::{Body, RequestBuilder, Response};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::TransportError;
use crate::ahead::ReadAhead;
use crate::http::{CONNECT_TIMEOUT, HttpOptions};
use crate::proxy::{self, Way};

/// A request for content was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// In the HTTP library.
    #[error(transparent)]
    Library(#[from] reqwest::Error),
    /// There was no connection.
    #[error(transparent)]
    Connect(#[from] TransportError),
    /// The connection broke, or was not HTTP.
    #[error(transparent)]
    Http(#[from] hyper::Error),
}

/// A client for content: answers arrive as they are stored, never decompressed.
#[derive(Clone)]
pub struct ContentClient {
    http: reqwest::Client,
    tls: Arc<ClientConfig>,
    way: Way,
    user_agent: HeaderValue,
}

impl std::fmt::Debug for ContentClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContentClient")
            .field("way", &self.way)
            .finish_non_exhaustive()
    }
}

impl ContentClient {
    /// A client over `tls`, without deadlines for whole requests.
    ///
    /// # Errors
    /// When the HTTP library refuses the configuration.
    pub fn new(tls: &Arc<ClientConfig>, options: &HttpOptions) -> Result<Self, TransportError> {
        Ok(Self {
            http: crate::http::content_client(tls, options)?,
            tls: tls.clone(),
            way: match options.environment_proxy {
                true => Way::Environment,
                false => Way::Direct,
            },
            user_agent: HeaderValue::from_str(&options.user_agent)
                .map_err(|error| TransportError::Handshake(error.to_string()))?,
        })
    }

    /// For requests that are answered with little, and to begin those for [`Self::get`].
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Sends a request without a body, whose answer may be large, over a connection of
    /// its own.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, request: RequestBuilder) -> Result<Response, ContentError> {
        let again = request.try_clone();
        let request = request.build()?;
        let Some(again) = again.filter(|_| request.url().scheme() == "https") else {
            return Ok(self.http.execute(request).await?);
        };
        let mut request: Request<Body> = request.try_into()?;
        let stream = self.connect(request.uri()).await?;
        self.complete(&mut request);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with its only request, whichever way that ends.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await?;
        if answer.status().is_redirection() {
            // Rare enough for the library, which knows where to go and what to leave out.
            return Ok(again.send().await?);
        }
        Ok(answer.map(Body::wrap).into())
    }

    /// What the library adds to each request.
    fn complete(&self, request: &mut Request<Body>) {
        let uri = request.uri();
        let host = uri.authority().map(Authority::as_str).unwrap_or_default();
        let host = HeaderValue::from_str(host);
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        if let Ok(path) = path.parse() {
            *request.uri_mut() = path;
        }
        let headers = request.headers_mut();
        if let Ok(host) = host {
            headers.insert(HOST, host);
        }
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    }

    async fn connect(&self, to: &Uri) -> Result<TlsStream<ReadAhead<TcpStream>>, TransportError> {
        let connecting = async {
            let host = to.host().unwrap_or_default();
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let port = to.port_u16().unwrap_or(443);
            let failed = |source: std::io::Error| TransportError::Connect {
                host: format!("{host}:{port}"),
                source,
            };
            let name = ServerName::try_from(host.to_owned())
                .map_err(|error| TransportError::Url(format!("host name {host}: {error}")))?;
            let tcp = proxy::connect(self.way, host, port, true).await?;
            tcp.set_nodelay(true).map_err(failed)?;
            let connector = TlsConnector::from(self.tls.clone());
            let connected = connector.connect(name, ReadAhead::new(tcp)).await;
            connected.map_err(failed)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_| TransportError::Timeout(CONNECT_TIMEOUT))?
    }
}
