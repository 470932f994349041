//! How our clients reach a server: one TLS configuration for REST, OAuth and
//! WebSockets alike, built so that a short-lived process pays nothing for
//! certificate stores it does not need.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod ahead;
pub mod content;
pub mod http;
pub mod pipe;
pub mod proxy;
pub mod save;
pub mod tls;
pub mod websocket;

/// Why a connection could not be prepared or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The CA file cannot be read or holds no certificate.
    #[error("cannot use the CA file {path}: {reason}")]
    CaFile {
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        reason: String,
    },
    /// The TLS library refused the configuration.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The URL is not one we can dial.
    #[error("invalid URL: {0}")]
    Url(String),
    /// The HTTP client could not be built.
    #[error("cannot set up the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// TCP or TLS failed.
    #[error("cannot connect to {host}: {source}")]
    Connect {
        /// Host and port.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// The proxy did not let us through.
    #[error("cannot connect through the proxy {proxy}: {reason}")]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// Why.
        reason: String,
    },
    /// The server answered the upgrade with this status instead of 101.
    #[error("the server refused the WebSocket with HTTP status {0}")]
    Refused(u16),
    /// The WebSocket handshake failed otherwise.
    #[error("the WebSocket handshake failed: {0}")]
    Handshake(String),
    /// The deadline passed.
    #[error("no connection within {0:?}")]
    Timeout(std::time::Duration),
}
