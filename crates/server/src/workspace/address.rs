//! Names and host names of workspaces.

/// Longest label of a host name, and longest name of a workspace.
const MAX_LABEL: usize = 63;
/// Longest host name.
const MAX_HOST: usize = 253;

/// Why a name or host name is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(
        "the name of a workspace has 1 to {MAX_LABEL} lower-case letters, digits and hyphens, \
         and neither begins nor ends with a hyphen"
    )]
    Name,
    #[error("a host name is given without scheme, port and path, for example acme.example.com")]
    Host,
}

/// Refuses what cannot be a workspace's name: it is a label of addresses.
pub(crate) fn check_name(name: &str) -> Result<(), AddressError> {
    match is_label(name) && !name.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err(AddressError::Name),
    }
}

/// A host name or address in lower case, without brackets.
pub(crate) fn check_host(host: &str) -> Result<String, AddressError> {
    let host = host.trim().trim_end_matches('.').to_lowercase();
    if let Some(v6) = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        let address: std::net::Ipv6Addr = v6.parse().map_err(|_| AddressError::Host)?;
        return Ok(address.to_string());
    }
    let fits = host.len() <= MAX_HOST && host.split('.').all(is_label);
    if fits {
        return Ok(host);
    }
    Err(AddressError::Host)
}

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The region of a workspace `name` served under `host`: the label after its name, from
/// which clients make the addresses of other workspaces (`rest-identity.md` §10). Empty
/// where the host name is of another form.
pub(crate) fn region<'a>(name: &str, host: &'a str) -> &'a str {
    let mut labels = host.splitn(3, '.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some(first), Some(region), Some(base)) if first == name && base.contains('.') => region,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels() {
        for name in ["acme", "a", "a-1", &"x".repeat(MAX_LABEL)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "-a",
            "a-",
            "a.b",
            "Acme",
            "a_b",
            &"x".repeat(MAX_LABEL + 1),
        ] {
            assert_eq!(check_name(name), Err(AddressError::Name), "{name}");
        }
    }

    #[test]
    fn hosts_are_bare() {
        assert_eq!(
            check_host("Acme.Example.com."),
            Ok("acme.example.com".to_owned())
        );
        assert_eq!(check_host("[::1]"), Ok("::1".to_owned()));
        assert_eq!(check_host("127.0.0.1"), Ok("127.0.0.1".to_owned()));
        for host in [
            "",
            "https://a.b",
            "a.b:443",
            "a/b",
            "a..b",
            "a b",
            "a@b",
            "[x]",
        ] {
            assert_eq!(check_host(host), Err(AddressError::Host), "{host}");
        }
    }

    #[test]
    fn the_region_is_the_label_after_the_name() {
        assert_eq!(region("acme", "acme.eu1.example.com"), "eu1");
        assert_eq!(region("acme", "acme.example.com"), "");
        assert_eq!(region("acme", "other.eu1.example.com"), "");
        assert_eq!(region("acme", ""), "");
    }
}
