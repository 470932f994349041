//! Where to log in (`rest-identity.md` §1).

use std::net::IpAddr;

use client::Config;

use crate::error::CliError;
use crate::prompt;

const CLOUD_DOMAIN: &str = "alpacon.io";
/// Regions named in help; any label is accepted.
const KNOWN_REGIONS: [&str; 2] = ["us1", "ap1"];
const DEFAULT_REGION: &str = "us1";

/// A workspace that was named.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Base URL without closing slash.
    pub(super) url: String,
    pub(super) name: String,
    pub(super) base_domain: String,
}

impl Target {
    /// Workspace and region of a cloud address.
    pub(super) fn cloud_parts(&self) -> Option<(&str, &str)> {
        cloud_parts(&self.url)
    }
}

/// The target in the arguments, if there is one.
pub(super) fn from_arguments(
    host: Option<&str>,
    workspace: Option<&str>,
    region: Option<&str>,
) -> Result<Option<Target>, CliError> {
    let blank = |text: Option<&str>| text.is_none_or(|text| text.trim().is_empty());
    let any_flag = workspace.is_some() || region.is_some();
    if any_flag && blank(workspace) && blank(region) {
        return Err(CliError::usage("--workspace and --region are empty"));
    }
    match host {
        Some(_) if any_flag => Err(CliError::usage(
            "give either HOST or --workspace and --region, not both",
        )),
        Some(host) => self_hosted(host).map(Some),
        None if any_flag => {
            cloud_from_flags(workspace.unwrap_or_default(), region.unwrap_or_default()).map(Some)
        }
        None => Ok(None),
    }
}

/// Asks, with the stored target as default.
pub(super) fn ask(stored: &Config) -> Result<Target, CliError> {
    let cloud = cloud_parts(&stored.workspace_url);
    if cloud.is_none() && !stored.workspace_url.is_empty() {
        let host = prompt::with_default("Host", &stored.workspace_url)?;
        return Ok(keep_stored(self_hosted(&host)?, stored));
    }
    let (name, region) = cloud.unwrap_or((&stored.workspace_name, DEFAULT_REGION));
    let name = match name {
        "" => prompt::required("Workspace name: ")?,
        name => prompt::with_default("Workspace name", name)?,
    };
    let question = format!("Region ({})", KNOWN_REGIONS.join(", "));
    let region = prompt::with_default(&question, region)?;
    cloud_target(&name, &region)
}

fn keep_stored(mut target: Target, stored: &Config) -> Target {
    if target.url == stored.workspace_url && !stored.workspace_name.is_empty() {
        target.name.clone_from(&stored.workspace_name);
    }
    let host = target.url.split_once("://").map_or("", |(_, host)| host);
    let domain = &stored.base_domain;
    if !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}"))) {
        target.base_domain.clone_from(domain);
    }
    target
}

fn cloud_from_flags(workspace: &str, region: &str) -> Result<Target, CliError> {
    let (workspace, region) = (workspace.trim(), region.trim());
    if region.is_empty() {
        return Err(CliError::usage(format!(
            "--region is missing; known regions: {}; for example: alpacon login --workspace \
             {workspace} --region {DEFAULT_REGION}",
            KNOWN_REGIONS.join(", ")
        )));
    }
    if workspace.is_empty() {
        return Err(CliError::usage(format!(
            "--workspace is missing; for example: alpacon login --workspace <NAME> --region \
             {region}"
        )));
    }
    cloud_target(workspace, region)
}

fn cloud_target(workspace: &str, region: &str) -> Result<Target, CliError> {
    for (what, label) in [("workspace", workspace), ("region", region)] {
        if !is_dns_label(label) {
            return Err(CliError::usage(format!(
                "invalid {what} {label:?}: 1 to 63 letters, digits and -, no - at the ends"
            )));
        }
    }
    Ok(Target {
        url: format!("https://{workspace}.{region}.{CLOUD_DOMAIN}"),
        name: workspace.to_owned(),
        base_domain: CLOUD_DOMAIN.to_owned(),
    })
}

fn self_hosted(input: &str) -> Result<Target, CliError> {
    let input = input.trim();
    let invalid = |reason: &str| CliError::usage(format!("invalid host {input:?}: {reason}"));
    let (scheme, rest) = match input.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, input),
    };
    if scheme.is_some_and(|s| !s.eq_ignore_ascii_case("http") && !s.eq_ignore_ascii_case("https")) {
        return Err(invalid("the scheme must be http or https"));
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@', '\\']) {
        return Err(invalid("give only the host, without path, query or user"));
    }
    let host = hostname(authority).ok_or_else(|| invalid("it is not a host name"))?;
    let url = match scheme {
        Some(_) => input.strip_suffix('/').unwrap_or(input).to_owned(),
        None if is_loopback(host) => format!("http://{authority}"),
        None => format!("https://{authority}"),
    };
    let (name, base_domain) = names(host);
    Ok(Target {
        url,
        name,
        base_domain,
    })
}

/// The host of `host[:port]` or `[v6][:port]`.
fn hostname(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, rest.strip_prefix(':'))
        }
        None => match authority.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port_is_valid = port.is_none_or(|port| port.parse::<u16>().is_ok());
    let host_is_valid = !host.is_empty()
        && !host.chars().any(|c| c.is_whitespace() || c.is_control())
        && (!host.contains(':') || authority.starts_with('['));
    (port_is_valid && host_is_valid).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host == "127.0.0.1" || host == "::1"
}

/// Workspace name and base domain of a host; an address has no domain.
fn names(host: &str) -> (String, String) {
    if host.parse::<IpAddr>().is_ok() {
        return (host.to_owned(), String::new());
    }
    let labels: Vec<&str> = host.split('.').collect();
    let name = labels.first().copied().unwrap_or_default().to_owned();
    let base_domain = match labels.as_slice() {
        [_, .., second, last] => format!("{second}.{last}"),
        _ => String::new(),
    };
    (name, base_domain)
}

/// Workspace and region of `https://<workspace>.<region>.alpacon.io`.
fn cloud_parts(url: &str) -> Option<(&str, &str)> {
    let scheme = url.get(..8)?;
    let host = url.get(8..)?;
    let suffix = host.len().checked_sub(CLOUD_DOMAIN.len() + 1)?;
    let domain = host.get(suffix..)?.strip_prefix('.')?;
    let (workspace, region) = host.get(..suffix)?.split_once('.')?;
    let is_cloud = scheme.eq_ignore_ascii_case("https://")
        && domain.eq_ignore_ascii_case(CLOUD_DOMAIN)
        && is_dns_label(workspace)
        && is_dns_label(region);
    is_cloud.then_some((workspace, region))
}

pub(crate) fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether `url` is an `https` address of `domain` or a host below it, and nothing more.
pub(crate) fn is_below(url: &str, domain: &str) -> bool {
    let Some(authority) = url.strip_prefix("https://") else {
        return false;
    };
    let authority = authority.trim_end_matches('/');
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let labels = host.split('.').all(is_dns_label);
    let below = host
        .strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    labels && below && !domain.is_empty() && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_below_a_domain_is_nothing_more_than_that() {
        for url in [
            "https://acme.example.com",
            "https://example.com/",
            "https://a.b.example.com:8443",
        ] {
            assert!(is_below(url, "example.com"), "{url}");
        }
        for url in [
            "http://acme.example.com",
            "https://evilexample.com",
            "https://example.com.evil.test",
            "https://acme.example.com@evil.test",
            "https://evil.test/.example.com",
            "https://acme.example.com:x",
            "https://acme.example.com/path",
            "",
        ] {
            assert!(!is_below(url, "example.com"), "{url}");
        }
        assert!(!is_below("https://acme.example.com", ""));
    }

    fn parts(host: &str) -> (String, String, String) {
        let target = self_hosted(host).unwrap();
        (target.url, target.name, target.base_domain)
    }

    #[test]
    fn hosts_are_normalised() {
        let expect = |host, url: &str, name: &str, domain: &str| {
            assert_eq!(
                parts(host),
                (url.into(), name.into(), domain.into()),
                "{host}"
            );
        };
        expect(
            "alpacon.example.com",
            "https://alpacon.example.com",
            "alpacon",
            "example.com",
        );
        expect(" https://a.b.c.d/ ", "https://a.b.c.d", "a", "c.d");
        expect("HTTP://h:8080", "HTTP://h:8080", "h", "");
        expect("localhost:8443", "http://localhost:8443", "localhost", "");
        expect("LocalHost", "http://LocalHost", "LocalHost", "");
        expect(
            "localhost.example.com",
            "https://localhost.example.com",
            "localhost",
            "example.com",
        );
        expect("127.0.0.1:80", "http://127.0.0.1:80", "127.0.0.1", "");
        expect("[::1]:80", "http://[::1]:80", "::1", "");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in [
            "", "  ", "ftp://h", "h/path", "h?", "h#", "u@h", "https://", "h:port", ":80", "::1",
            "a b", "[x]",
        ] {
            assert!(self_hosted(host).is_err(), "{host:?}");
        }
    }

    #[test]
    fn flags_come_in_pairs_and_alone() {
        let target = from_arguments(None, Some(" my-ws "), Some("us1"))
            .unwrap()
            .unwrap();
        assert_eq!(target.url, "https://my-ws.us1.alpacon.io");
        assert_eq!(target.base_domain, "alpacon.io");
        assert!(from_arguments(None, Some("a"), None).is_err());
        assert!(from_arguments(None, None, Some("us1")).is_err());
        assert!(from_arguments(None, Some("  "), None).is_err());
        assert!(from_arguments(None, Some("-a"), Some("us1")).is_err());
        assert!(from_arguments(Some("h"), Some("a"), Some("us1")).is_err());
        assert_eq!(from_arguments(None, None, None).unwrap(), None);
    }

    #[test]
    fn cloud_addresses_are_recognised() {
        assert_eq!(
            cloud_parts("https://ws.us1.alpacon.io"),
            Some(("ws", "us1"))
        );
        assert_eq!(
            cloud_parts("https://WS.us1.Alpacon.IO"),
            Some(("WS", "us1"))
        );
        for url in [
            "https://ws.us1.alpacon.io:1",
            "https://alpacon.io",
            "http://a.b.alpacon.io",
            "",
        ] {
            assert_eq!(cloud_parts(url), None, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(host in any::<String>()) {
            if let Ok(target) = self_hosted(&host) {
                prop_assert!(target.url.to_ascii_lowercase().starts_with("http"));
            }
            let _parts = cloud_parts(&host);
        }
    }
}
