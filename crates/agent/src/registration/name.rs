//! The name a machine registers under (`agent-control.md` §4.2 step 3).

/// Longest name, in characters.
const MAX_NAME: usize = 64;

/// No name is left after normalisation.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} gives no usable name; choose one with --name (letters, digits, - and _)")]
pub(crate) struct UnusableName(String);

/// Turns a wish or a host name into a slug.
///
/// # Errors
/// When nothing usable is left.
pub(crate) fn normalise(wish: &str) -> Result<String, UnusableName> {
    let mut name = String::new();
    for character in wish.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            name.push(character);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    let name: String = name.trim_matches('-').chars().take(MAX_NAME).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() {
        return Err(UnusableName(wish.to_owned()));
    }
    Ok(name.to_owned())
}

/// The host name without its domain.
#[must_use]
pub(crate) fn short(host: &str) -> &str {
    match host.find('.') {
        Some(at) if at > 0 => host.get(..at).unwrap_or(host),
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn follows_the_vectors() {
        for (wish, name) in [
            ("web server", "web-server"),
            ("db (backup)", "db-backup"),
            ("server.example.com", "server-example-com"),
            ("web--server", "web-server"),
            ("web__server", "web__server"),
            ("--leading--", "leading"),
            (&"a".repeat(70), &"a".repeat(64)),
        ] {
            assert_eq!(normalise(wish).as_deref(), Ok(name));
        }
        assert!(normalise("...").is_err());
        assert_eq!(short("web.example.com"), "web");
        assert_eq!(short(".hidden"), ".hidden");
    }

    proptest! {
        #[test]
        fn gives_slugs(wish in "\\PC{0,100}") {
            if let Ok(name) = normalise(&wish) {
                prop_assert!((1..=64).contains(&name.len()));
                prop_assert!(!name.starts_with('-') && !name.ends_with('-'));
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
            }
        }
    }
}
