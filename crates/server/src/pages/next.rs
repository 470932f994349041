//! Where to go after a sign-in: only ever a path of this server.

use url::Url;

/// Longest path that is kept.
const MAX: usize = 4096;
/// Any address does: only whether a path leaves it counts.
const HERE: &str = "https://here.invalid/";

/// `text` if it is a path of this server, read as browsers read it; else `/`.
pub(crate) fn local_path(text: &str) -> &str {
    if is_local(text) { text } else { "/" }
}

/// `path` that goes on to `next`.
pub(crate) fn with_next(path: &str, next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("{path}?{query}")
}

fn is_local(text: &str) -> bool {
    let mut characters = text.chars();
    let starts_well =
        characters.next() == Some('/') && !matches!(characters.next(), Some('/' | '\\'));
    let is_plain = text.len() <= MAX
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && c != '\\' && c != '"' && c != '<' && c != '>');
    let stays = || {
        let here = Url::parse(HERE).ok()?;
        let there = here.join(text).ok()?;
        Some(there.origin() == here.origin() && !there.path().starts_with("//"))
    };
    starts_well && is_plain && stays() == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_of_ours_are_kept() {
        for path in ["/", "/device/?user_code=ABCD-EFGH", "/a/b?c=%2F%2Fd#e"] {
            assert_eq!(local_path(path), path);
        }
    }

    #[test]
    fn everything_else_leads_home() {
        for text in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\\/evil",
            "https://evil.example/",
            "javascript:alert(1)",
            "/..//evil.example",
            "/.//evil.example",
            "/a b",
            "/ä",
            "/\u{0}",
        ] {
            assert_eq!(local_path(text), "/", "{text:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(MAX))), "/");
    }

    proptest! {
        #[test]
        fn no_text_leaves_the_server(text in "[/\\\\.:@a-z?#%\t]{0,12}") {
            let here = Url::parse("https://alpacon.example/login/").unwrap();
            let there = here.join(local_path(&text)).unwrap();
            prop_assert_eq!(there.origin(), here.origin());
        }
    }
}
