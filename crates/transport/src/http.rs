//! The HTTP client.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::TransportError;

/// How long TCP and TLS may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What differs between our clients.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// `alpacon-cli/<version>` or `alpamon/<version>`.
    pub user_agent: String,
    /// Honour `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    pub environment_proxy: bool,
}

/// A client over `tls`. It sets no deadline for whole requests, because some
/// answers stream for as long as a command runs: callers set their own.
///
/// # Errors
/// When the HTTP library refuses the configuration.
pub fn client(
    tls: &Arc<ClientConfig>,
    options: &HttpOptions,
) -> Result<reqwest::Client, TransportError> {
    Ok(builder(tls, options).build()?)
}

/// A client whose answers arrive as they are stored, never decompressed.
///
/// # Errors
/// When the HTTP library refuses the configuration.
pub(crate) fn content_client(
    tls: &Arc<ClientConfig>,
    options: &HttpOptions,
) -> Result<reqwest::Client, TransportError> {
    Ok(builder(tls, options).no_gzip().build()?)
}

fn builder(tls: &Arc<ClientConfig>, options: &HttpOptions) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.as_ref().clone())
        .user_agent(&options.user_agent)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::limited(10));
    match options.environment_proxy {
        true => builder,
        false => builder.no_proxy(),
    }
}
