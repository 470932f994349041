//! `[USER@]HOST` and `[USER@]HOST:PATH` (`cli-core.md` §3.1).

/// The account and host of a target that names no path: exec and friends. A word
/// with a colon is taken literally.
pub(crate) fn split_user(word: &str) -> (Option<&str>, &str) {
    match word.split_once('@') {
        Some((user, host)) if !word.contains(':') => (Some(user), host),
        _ => (None, word),
    }
}

/// A path on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemotePath {
    pub(crate) user: Option<String>,
    pub(crate) host: String,
    pub(crate) path: String,
}

/// Reads a word as a path on a host. `None`: it is a local path, for it has no colon,
/// or a `/` before it, so that `./a:b` can be said.
pub(crate) fn remote(word: &str) -> Option<RemotePath> {
    let (before, path) = word.split_once(':')?;
    if before.contains('/') {
        return None;
    }
    let (user, host) = match before.split_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, before),
    };
    Some(RemotePath {
        user: user.filter(|user| !user.is_empty()),
        host: host.to_owned(),
        path: without_quotes(path).to_owned(),
    })
}

/// Shells that do not know a word may leave its quotes.
fn without_quotes(path: &str) -> &str {
    path.strip_prefix('"')
        .and_then(|path| path.strip_suffix('"'))
        .unwrap_or(path)
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

    #[test]
    fn a_colon_makes_it_remote_unless_a_slash_comes_first() {
        let parts = |word| remote(word).map(|r| (r.user.unwrap_or_default(), r.host, r.path));
        let expected = |user: &str, host: &str, path: &str| {
            Some((user.to_owned(), host.to_owned(), path.to_owned()))
        };
        assert_eq!(parts("prod"), None);
        assert_eq!(parts("root@prod"), None);
        assert_eq!(parts("./a:b"), None);
        assert_eq!(parts("/srv/alice@example.com:x"), None);
        assert_eq!(parts("prod:~/"), expected("", "prod", "~/"));
        assert_eq!(
            parts("root@prod:/var/log/x"),
            expected("root", "prod", "/var/log/x")
        );
        let path = "/srv/alice@example.com";
        assert_eq!(
            parts("prod:/srv/alice@example.com"),
            expected("", "prod", path)
        );
        assert_eq!(parts("server:"), expected("", "server", ""));
        assert_eq!(parts(":x"), expected("", "", "x"));
        assert_eq!(parts("@h:x"), expected("", "h", "x"));
        assert_eq!(parts("h:\"/a b\""), expected("", "h", "/a b"));
        assert_eq!(parts("h:\""), expected("", "h", "\""));
    }
}
