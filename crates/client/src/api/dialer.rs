//! Dialling the WebSocket addresses that a server hands out.

use std::sync::Arc;

use rustls::ClientConfig;
use transport::proxy::Way;
use transport::websocket::{DialOptions, WebSocket, dial_by};

use crate::Error;

/// Dials WebSockets over the same TLS configuration; see [`crate::Api::dialer`].
#[derive(Clone, Debug)]
pub struct Dialer {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) options: DialOptions,
}

impl Dialer {
    /// Sends another header with the upgrade request.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        let value = http::HeaderValue::from_static(value);
        self.options.headers.insert(name, value);
        self
    }

    /// Dials `url`.
    ///
    /// # Errors
    /// When it cannot be dialled in time.
    pub async fn dial(&self, url: &str) -> Result<WebSocket, Error> {
        // As the HTTP client does: what goes through a proxy goes through it whole.
        let way = Way::Environment;
        Ok(dial_by(way, url, &self.tls, self.options.clone()).await?)
    }
}
