//! Dialling WebSockets over the same TLS configuration as REST.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Uri};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::TransportError;
use crate::ahead::ReadAhead;
use crate::proxy::{self, Way};

/// A byte stream, plain or TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connected WebSocket.
pub type WebSocket = WebSocketStream<Box<dyn Stream>>;

/// How to dial.
#[derive(Clone, Debug)]
pub struct DialOptions {
    /// Sent with the upgrade request.
    pub headers: HeaderMap,
    /// Covers TCP, TLS and the upgrade.
    pub timeout: Duration,
    /// Longest message accepted, in bytes.
    pub max_message: usize,
}

/// Dials a `ws://` or `wss://` URL.
///
/// # Errors
/// When the URL is not dialable, the peer cannot be reached, refuses the
/// upgrade, or the deadline passes.
pub async fn dial(
    url: &str,
    tls: &Arc<ClientConfig>,
    options: DialOptions,
) -> Result<WebSocket, TransportError> {
    dial_by(Way::Direct, url, tls, options).await
}

/// Dials a `ws://` or `wss://` URL, by way of a proxy where `way` says so.
///
/// # Errors
/// Like [`dial`], and when the proxy does not let us through.
pub async fn dial_by(
    way: Way,
    url: &str,
    tls: &Arc<ClientConfig>,
    options: DialOptions,
) -> Result<WebSocket, TransportError> {
    let timeout = options.timeout;
    tokio::time::timeout(timeout, Box::pin(connect(way, url, tls, options)))
        .await
        .map_err(|_| TransportError::Timeout(timeout))?
}

async fn connect(
    way: Way,
    url: &str,
    tls: &Arc<ClientConfig>,
    options: DialOptions,
) -> Result<WebSocket, TransportError> {
    let uri: Uri = url
        .parse()
        .map_err(|e| TransportError::Url(format!("{e}")))?;
    let secure = match uri.scheme_str() {
        Some("wss") => true,
        Some("ws") => false,
        _ => {
            return Err(TransportError::Url(
                "the scheme must be ws or wss".to_owned(),
            ));
        }
    };
    let authority = uri
        .authority()
        .ok_or_else(|| TransportError::Url("no host".to_owned()))?;
    if authority.as_str().contains('@') {
        return Err(TransportError::Url(
            "user information is not allowed".to_owned(),
        ));
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = authority
        .port_u16()
        .unwrap_or(if secure { 443 } else { 80 });
    let name = format!("{host}:{port}");
    let failed = |source: std::io::Error| TransportError::Connect {
        host: name.clone(),
        source,
    };

    let tcp = proxy::connect(way, &host, port, secure).await?;
    tcp.set_nodelay(true).map_err(failed)?;
    let stream: Box<dyn Stream> = if secure {
        let server_name = ServerName::try_from(host.clone())
            .map_err(|e| TransportError::Url(format!("host name {host}: {e}")))?;
        let connector = TlsConnector::from(tls.clone());
        let connected = connector.connect(server_name, ReadAhead::new(tcp)).await;
        Box::new(connected.map_err(failed)?)
    } else {
        Box::new(tcp)
    };

    let mut request = uri
        .into_client_request()
        .map_err(|e| TransportError::Url(e.to_string()))?;
    request.headers_mut().extend(options.headers);
    let config = WebSocketConfig::default()
        .max_message_size(Some(options.max_message))
        .max_frame_size(Some(options.max_message));
    match tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _response)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            Err(TransportError::Refused(response.status().as_u16()))
        }
        Err(error) => Err(TransportError::Handshake(error.to_string())),
    }
}
