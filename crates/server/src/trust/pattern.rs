//! Patterns for claims. Claims are made of parts (`repo:acme/app:ref:refs/heads/main`),
//! and some parts are chosen by whoever may push. So `*` stays within a part: it stops
//! at `/` and `:`, and a name cannot reach over into the next part. `**` does not stop.

/// Longest pattern, bytes.
pub(super) const MAX_PATTERN: usize = 512;
/// Longest claim that can match, bytes.
const MAX_CLAIM: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Literal(char),
    /// Any run of characters within a part.
    Part,
    /// Any run of characters.
    Anything,
}

impl Piece {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Literal(own) => own == c,
            Self::Part => !matches!(c, '/' | ':'),
            Self::Anything => true,
        }
    }

    fn is_run(self) -> bool {
        matches!(self, Self::Part | Self::Anything)
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let (piece, length) = match c {
            '*' if rest.starts_with("**") => (Piece::Anything, 2),
            '*' => (Piece::Part, 1),
            literal => (Piece::Literal(literal), literal.len_utf8()),
        };
        pieces.push(piece);
        rest = rest.get(length..).unwrap_or_default();
    }
    pieces
}

/// Whether `pattern` covers `claim`, whole. Takes time of their product, whatever they
/// are.
pub(super) fn matches(pattern: &str, claim: &str) -> bool {
    if pattern.len() > MAX_PATTERN || claim.len() > MAX_CLAIM {
        return false;
    }
    let pieces = pieces(pattern);
    // Which pieces may come next: an automaton without backtracking.
    let mut next = vec![false; pieces.len() + 1];
    reach(&mut next, &pieces, 0);
    for c in claim.chars() {
        let mut after = vec![false; next.len()];
        for (place, piece) in pieces.iter().enumerate() {
            if next.get(place) == Some(&true) && piece.takes(c) {
                let to = if piece.is_run() { place } else { place + 1 };
                reach(&mut after, &pieces, to);
            }
        }
        next = after;
    }
    next.last() == Some(&true)
}

/// Marks `place`, and what follows it where it may take nothing.
fn reach(next: &mut [bool], pieces: &[Piece], mut place: usize) {
    while let Some(slot) = next.get_mut(place) {
        *slot = true;
        match pieces.get(place) {
            Some(piece) if piece.is_run() => place += 1,
            _ => return,
        }
    }
}

/// Whether a pattern says something: it begins with literal text.
pub(super) fn says_something(pattern: &str) -> bool {
    !pattern.is_empty() && !pattern.starts_with('*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stays_within_its_part() {
        for (pattern, claim, expected) in [
            (
                "repo:acme/app:ref:refs/heads/main",
                "repo:acme/app:ref:refs/heads/main",
                true,
            ),
            (
                "repo:acme/*:ref:refs/heads/main",
                "repo:acme/app:ref:refs/heads/main",
                true,
            ),
            (
                "repo:acme/*:ref:refs/heads/main",
                "repo:acme-evil/app:ref:refs/heads/main",
                false,
            ),
            // A name chosen by an attacker that holds the rest of the pattern.
            (
                "repo:acme/*:ref:refs/heads/main",
                "repo:acme/x:environment:y:ref:refs/heads/main",
                false,
            ),
            ("repo:acme/*", "repo:acme/app:ref:refs/heads/evil", false),
            ("repo:acme/**", "repo:acme/app:ref:refs/heads/evil", true),
            ("repo:acme/**", "repo:acmes/app", false),
            ("acme/*", "acme/app", true),
            ("acme/*", "acme/", true),
            ("acme/*", "acme/app/sub", false),
            ("acme/*", "acme", false),
            ("acme*", "acme-evil", true),
            ("acme", "ACME", false),
            ("refs/tags/v*", "refs/tags/v1.2", true),
            ("refs/tags/v*", "refs/tags/v1/2", false),
            ("", "", true),
            ("", "x", false),
            ("*", "", true),
            ("**", "a/b:c", true),
            ("a?c", "abc", false),
            ("[ab]", "a", false),
            ("ä*", "äö", true),
            ("***", "a/b", true),
        ] {
            assert_eq!(matches(pattern, claim), expected, "{pattern} {claim}");
        }
    }

    #[test]
    fn long_and_hostile_input_ends() {
        assert!(!matches(&"a".repeat(MAX_PATTERN + 1), "a"));
        assert!(!matches("**", &"a".repeat(MAX_CLAIM + 1)));
        assert!(!matches(&"*a".repeat(256), &"b".repeat(MAX_CLAIM)));
    }

    proptest! {
        #[test]
        fn text_without_stars_matches_itself_only(a in "[a-z/:.-]{0,20}", b in "[a-z/:.-]{0,20}") {
            prop_assert!(matches(&a, &a));
            prop_assert_eq!(matches(&a, &b), a == b);
        }

        #[test]
        fn what_stands_before_a_star_stands_before_every_match(
            prefix in "[a-z/:]{1,10}", claim in "[a-z/:]{0,20}",
        ) {
            let pattern = format!("{prefix}**");
            prop_assert_eq!(matches(&pattern, &claim), claim.starts_with(&prefix));
            if matches(&format!("{prefix}*"), &claim) {
                let rest = claim.strip_prefix(&prefix);
                prop_assert!(rest.is_some_and(|rest| !rest.contains(['/', ':'])));
            }
        }

        #[test]
        fn no_input_breaks_it(pattern in ".{0,60}", claim in ".{0,60}") {
            let _ended = matches(&pattern, &claim);
        }
    }
}
