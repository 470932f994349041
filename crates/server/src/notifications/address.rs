//! Which addresses notifications go to. A webhook is named by the administrators of a
//! workspace, so it could name a service inside the operator's network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Longest URL.
const MAX_URL: usize = 2048;

/// The rule about addresses, and the hosts that are exempt from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    private_hosts: Arc<[String]>,
}

impl Addresses {
    pub(crate) fn new(private_hosts: &[String]) -> Self {
        let hosts = private_hosts.iter().map(|host| host.to_ascii_lowercase());
        Self {
            private_hosts: hosts.collect(),
        }
    }

    /// A URL that notifications may go to: HTTPS, no user in it, and if its host is an
    /// address, a public one. What a name resolves to is checked when it is.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub(crate) fn check(&self, text: &str) -> Result<Url, &'static str> {
        if text.len() > MAX_URL {
            return Err("is too long");
        }
        let url = Url::parse(text).map_err(|_| "is no URL")?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err("must not hold a user or a fragment");
        }
        let (host, ip) = match url.host() {
            Some(Host::Domain(name)) => (name.to_ascii_lowercase(), None),
            Some(Host::Ipv4(ip)) => (ip.to_string(), Some(IpAddr::V4(ip))),
            Some(Host::Ipv6(ip)) => (ip.to_string(), Some(IpAddr::V6(ip))),
            None => return Err("names no host"),
        };
        let is_exempt = self.is_exempt(&host);
        if url.scheme() != "https" && !(url.scheme() == "http" && is_exempt) {
            return Err("must start with https://");
        }
        if !is_exempt && ip.is_some_and(|ip| !is_public(ip)) {
            return Err(
                "leads into a private network; the operator can allow its host in \
                 notifications.private_hosts",
            );
        }
        Ok(url)
    }

    fn is_exempt(&self, host: &str) -> bool {
        self.private_hosts.iter().any(|exempt| exempt == host)
    }
}

/// Names resolve to public addresses only, so that what is checked is what is called.
impl Resolve for Addresses {
    fn resolve(&self, name: Name) -> Resolving {
        let is_exempt = self.is_exempt(&name.as_str().to_ascii_lowercase());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| is_exempt || is_public(address.ip()))
                .collect();
            if found.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(Box::new(found.into_iter()))
        })
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        // Carrier-grade NAT, protocol assignments, benchmarks, relays.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(ip) = ip.to_ipv4_mapped() {
        return is_public_v4(ip);
    }
    let [a, b, ..] = ip.segments();
    // Only 2000::/3 is given out; documentation, Teredo and 6to4 lie in it. Translated
    // addresses (64:ff9b::/96) do not.
    (0x2000..0x4000).contains(&a)
        && (a, b) != (0x2001, 0xdb8)
        && (a, b) != (0x2001, 0)
        && a != 0x2002
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_https_to_public_addresses() {
        let rule = Addresses::default();
        for text in [
            "https://hooks.slack.com/services/T/B/x",
            "https://8.8.8.8/x",
            "https://[2606:4700::1111]/",
        ] {
            assert!(rule.check(text).is_ok(), "{text}");
        }
        for text in [
            "http://hooks.slack.com",
            "file:///etc/passwd",
            "https://user@example.com",
            "https://example.com/#x",
            "https://127.0.0.1",
            "https://127.1",
            "https://0x7f000001",
            "https://2130706433/",
            "https://10.1.2.3",
            "https://169.254.169.254/latest/meta-data",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[64:ff9b::7f00:1]",
            "https://[2002:7f00:1::]",
            "https://[fd00::1]",
            "https://[fe80::1]",
            "",
        ] {
            assert!(rule.check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn exempt_hosts_are_exempt_and_no_others() {
        let rule = Addresses::new(&["127.0.0.1".to_owned(), "Chat.corp".to_owned()]);
        assert!(rule.check("http://127.0.0.1:4000/x").is_ok());
        assert!(rule.check("https://chat.corp").is_ok());
        assert!(rule.check("http://127.0.0.2").is_err());
        assert!(rule.check("http://chat.corp.evil.test").is_err());
    }

    #[tokio::test]
    async fn names_of_this_machine_do_not_resolve() {
        let resolved = Addresses::default().resolve("localhost".parse().unwrap());
        assert!(resolved.await.is_err());
        let exempt = Addresses::new(&["localhost".to_owned()]);
        let resolved = exempt.resolve("localhost".parse().unwrap()).await;
        assert!(resolved.unwrap().next().is_some());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_check(text in ".{0,200}") {
            drop(Addresses::default().check(&text));
        }

        #[test]
        fn mapped_addresses_are_as_public_as_what_they_map(bits: u32) {
            let ip = Ipv4Addr::from(bits);
            prop_assert_eq!(is_public_v4(ip), is_public_v6(ip.to_ipv6_mapped()));
        }
    }
}
