//! Names that may become a name on this machine.

/// The last component of a path as a user types it, if that can name a file: the
/// path is not empty and does not end in `/`, `.` or `..` (`cli-core.md` §3.2).
#[must_use]
pub fn base(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    is_plain(name).then_some(name)
}

/// The last component of a path as a user types it, whatever it is; a closing `/` does
/// not count.
#[must_use]
pub fn last(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether `name` is one component that stays in its directory.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= MAX_NAME && !name.contains(['/', '\0'])
}

/// Longest name that file systems take, in bytes.
const MAX_NAME: usize = 255;

/// The components of a member of an archive, if it stays beneath where it is
/// unpacked. A closing `/`, doubled ones and `.` mean nothing.
#[must_use]
pub fn members(path: &str) -> Option<Vec<&str>> {
    if path.starts_with('/') {
        return None;
    }
    let components: Vec<&str> = path
        .split('/')
        .filter(|component| !matches!(*component, "" | "."))
        .collect();
    let is_safe = !components.is_empty() && components.iter().all(|name| is_plain(name));
    is_safe.then_some(components)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base_names_are_plain() {
        assert_eq!(base("/var/log/x"), Some("x"));
        assert_eq!(base("x"), Some("x"));
        assert_eq!(base("~/-rf"), Some("-rf"));
        for path in ["", "/", "a/", "..", "a/..", "a/."] {
            assert_eq!(base(path), None, "{path}");
        }
    }

    #[test]
    fn members_stay_beneath() {
        assert_eq!(members("a//b/./c/"), Some(vec!["a", "b", "c"]));
        assert_eq!(members("a b/ü\n"), Some(vec!["a b", "ü\n"]));
        // systemd has such names.
        assert_eq!(members("a/x\\x2dy"), Some(vec!["a", "x\\x2dy"]));
        for path in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "a/../b",
            "../x",
            "a/..",
            "a\0",
            "./..",
        ] {
            assert_eq!(members(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_has_only_plain_components(path in "[a./\\\\\0]{0,12}") {
            for name in members(&path).unwrap_or_default() {
                prop_assert!(is_plain(name) && name != ".." && !name.contains('/'));
            }
        }
    }
}
