//! Bounding what hosts send: cut, never refused, because agents repeat what is
//! refused and hold everything else back.

/// The first `most` characters, without NUL, which PostgreSQL does not keep.
pub(super) fn bounded(text: &str, most: usize) -> String {
    text.chars()
        .take(most)
        .map(|c| if c == '\0' { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bounded;

    #[test]
    fn text_is_cut_by_characters() {
        assert_eq!(bounded("äöü", 2), "äö");
        assert_eq!(bounded("a\0b", 9), "a\u{fffd}b");
        assert_eq!(bounded("", 0), "");
    }
}
