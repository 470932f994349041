//! Which addresses the control plane goes to on behalf of others. Issuers and webhooks
//! are named by workspaces, so they could name a service inside our own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use url::{Host, Url};

/// Longest URL.
const MAX_URL: usize = 2048;

/// Why we do not go to an address; reads on from its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("is too long")]
    TooLong,
    #[error("is no URL")]
    NoUrl,
    #[error("must not hold a user or a fragment")]
    UserOrFragment,
    #[error("names no host")]
    NoHost,
    #[error("must start with https://")]
    NotHttps,
    /// With the setting that can allow it.
    #[error("leads into a private network; the operator can allow its host in {0}")]
    Private(&'static str),
}

/// Whether `entry` can be a private host of the configuration: without port or path.
pub(crate) fn is_host_entry(entry: &str) -> bool {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok() || Host::parse(entry).is_ok_and(|host| is_domain(&host))
}

fn is_domain(host: &Host) -> bool {
    matches!(host, Host::Domain(_))
}

/// The rule about addresses, and the hosts that are exempt from it.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    private_hosts: Arc<[String]>,
    setting: &'static str,
}

impl Addresses {
    /// `setting`: where the operator exempts `private_hosts`, for refusals.
    pub(crate) fn new(private_hosts: &[String], setting: &'static str) -> Self {
        let bare = |host: &String| {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.to_ascii_lowercase()
        };
        Self {
            private_hosts: private_hosts.iter().map(bare).collect(),
            setting,
        }
    }

    /// A URL that may be called: HTTPS, no user in it, and if its host is an address, a
    /// public one. What a name resolves to is checked when it is.
    ///
    /// # Errors
    /// Why we do not go there.
    pub(crate) fn check(&self, text: &str) -> Result<Url, AddressError> {
        if text.len() > MAX_URL {
            return Err(AddressError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| AddressError::NoUrl)?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(AddressError::UserOrFragment);
        }
        let (host, ip) = match url.host() {
            Some(Host::Domain(name)) => (name.to_ascii_lowercase(), None),
            Some(Host::Ipv4(ip)) => (ip.to_string(), Some(IpAddr::V4(ip))),
            Some(Host::Ipv6(ip)) => (ip.to_string(), Some(IpAddr::V6(ip))),
            None => return Err(AddressError::NoHost),
        };
        let is_exempt = self.is_exempt(&host);
        match url.scheme() {
            "https" => {}
            // For a service on the same host, as in development.
            "http" if is_exempt => {}
            _ => return Err(AddressError::NotHttps),
        }
        if !is_exempt && ip.is_some_and(|ip| !is_public(ip)) {
            return Err(AddressError::Private(self.setting));
        }
        Ok(url)
    }

    /// Whether `host` may resolve to `ip`.
    pub(super) fn allows(&self, host: &str, ip: IpAddr) -> bool {
        is_public(ip) || self.is_exempt(&host.to_ascii_lowercase())
    }

    fn is_exempt(&self, host: &str) -> bool {
        self.private_hosts.iter().any(|exempt| exempt == host)
    }
}

/// Whether an address is one of the public internet.
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
        // Carrier-grade NAT, protocol assignments, benchmarks, 6to4 relays.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 88 && c == 99);
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let v4 = |high: u16, low: u16| {
        let [x, y] = high.to_be_bytes();
        let [z, w] = low.to_be_bytes();
        Ipv4Addr::new(x, y, z, w)
    };
    // Addresses that stand for one of IPv4: mapped, translated, 6to4.
    if let Some(ip) = ip.to_ipv4_mapped() {
        return is_public_v4(ip);
    }
    if (a, b, c, d, e, f) == (0x64, 0xff9b, 0, 0, 0, 0) {
        return is_public_v4(v4(g, h));
    }
    if a == 0x2002 {
        return is_public_v4(v4(b, c));
    }
    // Only 2000::/3 is given out; documentation and Teredo lie in it.
    (0x2000..0x4000).contains(&a) && (a, b) != (0x2001, 0xdb8) && (a, b) != (0x2001, 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_https_to_public_addresses() {
        let rule = Addresses::new(&[], "x");
        for text in [
            "https://accounts.example.com",
            "https://token.actions.githubusercontent.com/.well-known/jwks",
            "https://8.8.8.8/x",
            "https://[2606:4700::1111]/",
        ] {
            assert!(rule.check(text).is_ok(), "{text}");
        }
        for text in [
            "http://accounts.example.com",
            "ftp://accounts.example.com",
            "file:///etc/passwd",
            "https://user@accounts.example.com",
            "https://a:b@accounts.example.com",
            "https://accounts.example.com/#x",
            "https://127.0.0.1",
            "https://127.1",
            "https://0x7f000001",
            "https://2130706433/",
            "https://10.1.2.3",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[64:ff9b::7f00:1]",
            "https://[2002:7f00:1::]",
            "https://[fd00::1]",
            "https://[fe80::1]",
            "",
            "accounts.example.com",
        ] {
            assert!(rule.check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn exempt_hosts_are_exempt_and_no_others() {
        let rule = Addresses::new(&["127.0.0.1".to_owned(), "Idp.corp".to_owned()], "x");
        assert!(rule.check("http://127.0.0.1:4000/x").is_ok());
        assert!(rule.check("https://idp.corp").is_ok());
        assert!(rule.check("http://127.0.0.2").is_err());
        assert!(rule.check("http://idp.corp.evil.test").is_err());
        assert!(rule.allows("IDP.corp", "10.0.0.1".parse().unwrap()));
        assert!(!rule.allows("other", "10.0.0.1".parse().unwrap()));
        assert!(rule.allows("other", "8.8.8.8".parse().unwrap()));
    }

    #[test]
    fn entries_are_hosts() {
        for entry in ["idp.corp", "127.0.0.1", "::1", "[::1]"] {
            assert!(is_host_entry(entry), "{entry}");
        }
        for entry in ["", "https://idp.corp", "idp.corp:80", "a b", "10.0.0.0/8"] {
            assert!(!is_host_entry(entry), "{entry}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_check(text in ".{0,200}") {
            drop(Addresses::new(&[], "x").check(&text));
        }

        #[test]
        fn mapped_addresses_are_as_public_as_what_they_map(bits: u32) {
            let ip = Ipv4Addr::from(bits);
            prop_assert_eq!(is_public_v4(ip), is_public_v6(ip.to_ipv6_mapped()));
        }
    }
}
