//! `[USER@]HOST` and `[USER@]HOST:PATH` (`cli-core.md` §3.1).

/// The account and host of a target that names no path: exec and friends. A word
/// with a colon is taken literally.
pub(crate) fn split_user(word: &str) -> (Option<&str>, &str) {
    match word.split_once('@') {
        Some((user, host)) if !word.contains(':') => (Some(user), host),
        _ => (None, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_ends_at_the_first_at_sign() {
        assert_eq!(split_user("prod"), (None, "prod"));
        assert_eq!(split_user("root@prod"), (Some("root"), "prod"));
        assert_eq!(split_user("a@b@c"), (Some("a"), "b@c"));
        assert_eq!(split_user("user@host:8080"), (None, "user@host:8080"));
    }
}
