//! From paths as typed to paths as ordered.

use serde_json::Value;
use store::entity::server;

use crate::http::{ApiError, ApiResult, Ctx};

pub(super) const SOURCE: &str = "webftp";
/// Longest path, in bytes.
const MAX_PATH: usize = 4096;
/// Longest name, in bytes.
const MAX_NAME: usize = 255;

/// The home directory of an account, where the server's inventory knows it.
pub(crate) async fn home(ctx: &Ctx, server: &server::Model, username: &str) -> ApiResult<String> {
    let id = protocol::id::ServerId(server.id);
    let row = ctx.tenant().inventory(id).find("users", username).await?;
    let home = row
        .as_ref()
        .and_then(|row| row.data.get("directory"))
        .and_then(Value::as_str)
        .filter(|home| home.starts_with('/'));
    Ok(home.unwrap_or_default().to_owned())
}

/// A path made absolute and clean, by its text alone; where the home directory is
/// not known, one that starts there stays as it is. A trailing `/` stays: it says
/// that the path is a directory.
pub(super) fn ordered(typed: &str, home: &str) -> ApiResult<String> {
    let wrong = |detail: &str| Err(ApiError::field(SOURCE, "path", detail));
    if typed.len() > MAX_PATH {
        return wrong("The path is longer than 4096 bytes.");
    }
    if typed.contains('\0') {
        return wrong("A path cannot hold a NUL byte.");
    }
    let (start, rest) = if typed.starts_with('/') {
        ("", typed)
    } else {
        (
            home,
            match typed {
                "~" => "",
                other => other.strip_prefix("~/").unwrap_or(other),
            },
        )
    };
    if start.is_empty() && !typed.starts_with('/') {
        return Ok(match typed {
            "" => "~/".to_owned(),
            typed => typed.to_owned(),
        });
    }
    let is_directory = rest.is_empty() || rest.ends_with(['/']) || ends_with_dot(rest);
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(rest.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let mut path = format!("/{}", parts.join("/"));
    if is_directory && path != "/" {
        path.push('/');
    }
    Ok(path)
}

fn ends_with_dot(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("." | ".."))
}

/// A path without the slash that says it is a directory.
pub(super) fn without_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some("") | None => path,
        Some(rest) => rest,
    }
}

/// The path of `name` in the directory `path`.
pub(super) fn inside(path: &str, name: &str) -> String {
    let separator = if path.ends_with('/') { "" } else { "/" };
    format!("{path}{separator}{name}")
}

/// Refuses what cannot name a file.
pub(super) fn check_name(name: &str) -> ApiResult<()> {
    if name.is_empty() {
        return Err(ApiError::missing(SOURCE, "name"));
    }
    let usable =
        !matches!(name, "." | "..") && name.len() <= MAX_NAME && !name.contains(['/', '\0']);
    if usable {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        "name",
        "A file name has at most 255 bytes, holds no /, and is not . or ..",
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_cleaned_as_text() {
        // (typed, home, ordered)
        let table = [
            ("/a//b/./c", "/home/x", "/a/b/c"),
            ("/a/b/", "/home/x", "/a/b/"),
            ("/a/../../b", "/home/x", "/b"),
            ("/home/deploy/../root/.bashrc", "", "/home/root/.bashrc"),
            ("/a/..", "", "/"),
            ("/a/b/..", "", "/a/"),
            ("/", "", "/"),
            ("~", "/home/x", "/home/x/"),
            ("~/f", "/home/x", "/home/x/f"),
            ("f", "/home/x", "/home/x/f"),
            ("", "/home/x", "/home/x/"),
            ("~", "", "~"),
            ("f/", "", "f/"),
            ("", "", "~/"),
            ("-rf", "/h", "/h/-rf"),
            ("/a\nb/ü", "", "/a\nb/ü"),
            ("~root/x", "/h", "/h/~root/x"),
        ];
        for (typed, home, path) in table {
            assert_eq!(ordered(typed, home).unwrap(), path, "{typed:?} in {home:?}");
        }
        assert!(ordered("a\0", "").is_err());
        assert!(ordered(&"a".repeat(5000), "").is_err());
    }

    #[test]
    fn names_name_one_file() {
        for name in ["a", "-rf", ".hidden", "a\nb", "ü", "a..b"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
        for name in ["", ".", "..", "a/b", "a\0", &"x".repeat(256)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert_eq!(inside("/a/", "n"), "/a/n");
        assert_eq!(inside("/a", "n"), "/a/n");
        assert_eq!(without_slash("/a/"), "/a");
        assert_eq!(without_slash("/"), "/");
    }

    proptest! {
        #[test]
        fn an_absolute_path_becomes_canonical(typed in "/[a./\\n-]{0,40}", home in "(/[a.]{0,5}){0,3}") {
            let path = ordered(&typed, &home).unwrap();
            prop_assert!(judge::is_canonical(without_slash(&path)), "{path:?}");
        }
    }
}
