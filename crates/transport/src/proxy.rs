//! The way through the HTTP proxy that the environment names.

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

use crate::TransportError;

/// Which way to take to a host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Straight to it.
    #[default]
    Direct,
    /// As `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    Environment,
}

/// A connection to `host`, which may be an address without brackets. `secure`: TLS
/// follows, so it is the proxy for `https` that counts.
pub(crate) async fn connect(
    way: Way,
    host: &str,
    port: u16,
    secure: bool,
) -> Result<TcpStream, TransportError> {
    let failed = |source: std::io::Error| TransportError::Connect {
        host: format!("{host}:{port}"),
        source,
    };
    let target = target(host, port, secure)?;
    let proxy = match way {
        Way::Direct => None,
        Way::Environment => Matcher::from_env().intercept(&target),
    };
    match proxy {
        None => TcpStream::connect((host, port)).await.map_err(failed),
        Some(proxy) => tunnel(&proxy, target).await,
    }
}

fn target(host: &str, port: u16, secure: bool) -> Result<Uri, TransportError> {
    let scheme = if secure { "https" } else { "http" };
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    format!("{scheme}://{host}:{port}")
        .parse()
        .map_err(|error| TransportError::Url(format!("{error}")))
}

async fn tunnel(proxy: &Intercept, target: Uri) -> Result<TcpStream, TransportError> {
    let address = proxy.uri();
    // The user information of the address is not for the message.
    let name = address
        .authority()
        .map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default())
        .unwrap_or_default()
        .to_owned();
    let failed = |reason: String| TransportError::Proxy {
        proxy: name.clone(),
        reason,
    };
    if address.scheme_str() != Some("http") {
        return Err(failed(
            "only proxies whose address begins with http:// are supported".to_owned(),
        ));
    }
    let mut tunnel = Tunnel::new(address.clone(), HttpConnector::new());
    if let Some(credential) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credential.clone());
    }
    let stream = tunnel
        .oneshot(target)
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(stream.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_addresses() {
        let text = |host, secure| target(host, 1, secure).unwrap().to_string();
        assert_eq!(text("a.test", true), "https://a.test:1/");
        assert_eq!(text("::1", false), "http://[::1]:1/");
        assert!(target("a b", 1, true).is_err());
    }
}
