//! Scope words (`rest-identity.md` §6.4). Unknown words are tolerated and not granted.

/// Words that are granted when asked for.
const GRANTED: [&str; 5] = ["openid", "profile", "email", "offline_access", "cli"];
/// Longest scope that is looked at.
const MAX: usize = 2048;

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// `org:<name>`: the workspace.
    pub(super) organisation: Option<String>,
    /// `device:<id>`: the installation; malformed ones are ignored.
    pub(super) device: Option<String>,
    granted: Vec<&'static str>,
}

impl Scope {
    /// Reads a scope; none when it is too long.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX {
            return None;
        }
        let mut scope = Self::default();
        for word in text.split_ascii_whitespace() {
            if let Some(name) = word.strip_prefix("org:") {
                scope.organisation = Some(name.to_owned());
            } else if let Some(id) = word.strip_prefix("device:") {
                scope.device = is_device(id).then(|| id.to_owned());
            } else if let Some(known) = GRANTED.iter().find(|known| **known == word)
                && !scope.granted.contains(known)
            {
                scope.granted.push(known);
            }
        }
        Some(scope)
    }

    /// As it is granted in the workspace `organisation`.
    pub(super) fn granted(&self, organisation: &str) -> String {
        let mut words: Vec<String> = self.granted.iter().map(|word| (*word).to_owned()).collect();
        words.push(format!("org:{organisation}"));
        if let Some(device) = &self.device {
            words.push(format!("device:{device}"));
        }
        words.join(" ")
    }
}

fn is_device(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_scope_of_the_cli_is_read() {
        let text = "openid profile email offline_access cli org:acme device:0123-abcd-ef";
        let scope = Scope::parse(text).unwrap();
        assert_eq!(scope.organisation.as_deref(), Some("acme"));
        assert_eq!(scope.device.as_deref(), Some("0123-abcd-ef"));
        assert_eq!(scope.granted("acme"), text);
    }

    #[test]
    fn unknown_words_and_malformed_devices_are_left_out() {
        let scope = Scope::parse("cli cli admin device:a_b device:x superuser").unwrap();
        assert_eq!(scope.device, None);
        assert_eq!(scope.granted("w"), "cli org:w");
        assert_eq!(Scope::parse(&"a ".repeat(2000)), None);
    }

    proptest! {
        #[test]
        fn what_is_granted_reads_the_same_again(text in "[a-z:A-Z0-9 _-]{0,80}") {
            let scope = Scope::parse(&text).unwrap();
            let granted = scope.granted("w");
            let again = Scope::parse(&granted).unwrap();
            prop_assert_eq!(again.granted("w"), granted);
        }
    }
}
