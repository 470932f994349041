//! Patterns in which `*` matches any run of characters and nothing else is
//! special. Matching is linear in the text and never backtracks.

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob {
    /// The literal pieces between stars; one piece means no star.
    pieces: Vec<Box<str>>,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Self {
        Self {
            pieces: pattern.split('*').map(Box::from).collect(),
        }
    }

    /// The text that every match starts with.
    pub(crate) fn literal_prefix(&self) -> &str {
        self.pieces.first().map_or("", |piece| piece)
    }

    /// Whether there is no star.
    pub(crate) fn is_literal(&self) -> bool {
        self.pieces.len() < 2
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.pieces.split_first() else {
            return false;
        };
        let Some(mut text) = text.strip_prefix(&**first) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return text.is_empty();
        };
        // The leftmost place for each piece leaves most room for those after it.
        for piece in middle.iter().filter(|piece| !piece.is_empty()) {
            let Some(at) = text.find(&**piece) else {
                return false;
            };
            text = text.get(at + piece.len()..).unwrap_or("");
        }
        text.ends_with(&**last)
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn star_matches_any_run() {
        for (pattern, text, expected) in [
            ("docker *", "docker ps", true),
            ("docker *", "docker", false),
            ("docker *", "docker ", true),
            ("docker*", "docker", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a**b", "ab", true),
            ("*a*b*c*", "xxaxxbxxcxx", true),
            ("*a*b*c*", "cba", false),
            ("a?c", "abc", false),
            ("a.c", "abc", false),
            ("ab*bc", "abc", false),
        ] {
            assert_eq!(
                Glob::new(pattern).matches(text),
                expected,
                "{pattern} on {text}"
            );
        }
    }
}
