//! The HTTP client for addresses that others named.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use transport::TransportError;
use transport::tls::{Trust, client_config};

use super::Addresses;

/// For the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that goes to no address but those that `addresses` allows. `deadline`: for a
/// whole answer. The URL itself is checked with [`Addresses::check`] first.
///
/// # Errors
/// When `trust` cannot be used.
pub(crate) fn client(
    addresses: Addresses,
    trust: &Trust,
    deadline: Duration,
) -> Result<reqwest::Client, TransportError> {
    let tls = client_config(trust)?;
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls.as_ref().clone())
        .user_agent(concat!("alpacon-server/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(deadline)
        // A redirect would lead past the check of the address, and a proxy past that of
        // what a name resolves to.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .gzip(false)
        .dns_resolver(Arc::new(Resolver(addresses)))
        .build()?)
}

/// Resolves names to the addresses that we may go to. The connection is made to these,
/// so that a name cannot change its mind in between.
#[derive(Debug)]
struct Resolver(Addresses);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|found| addresses.allows(&host, found.ip()))
                .collect();
            if allowed.is_empty() {
                return Err("the name stands for private addresses only".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_of_this_machine_do_not_resolve() {
        let resolved = Resolver(Addresses::new(&[], "x")).resolve("localhost".parse().unwrap());
        assert!(resolved.await.is_err());
        let exempt = Resolver(Addresses::new(&["localhost".to_owned()], "x"));
        let resolved = exempt.resolve("localhost".parse().unwrap()).await;
        assert!(resolved.unwrap().next().is_some());
    }
}
