//! Text from the server must not drive the terminal (`cli-core.md` §1.5).

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Cleans each line of a message; line breaks stay.
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(cell).collect::<Vec<_>>().join("\n")
}

/// Cleans text that must stay on one line.
pub(crate) fn cell(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_format(*c)).collect();
    without_escapes(&visible)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

/// Cleans a terminal recording: its line structure and tabs stay.
pub(crate) fn recording(text: &str) -> String {
    let visible: String = text.chars().filter(|c| !is_format(*c)).collect();
    without_escapes(&visible)
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
        .collect()
}

/// Category Cf: invisible, and able to reorder what is shown.
pub(crate) fn is_format(c: char) -> bool {
    !c.is_ascii() && c.general_category() == GeneralCategory::Format
}

fn without_escapes(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\x1b') {
        let (before, sequence) = rest.split_at(start);
        clean.push_str(before);
        rest = sequence.get(escape_length(sequence)..).unwrap_or_default();
    }
    clean.push_str(rest);
    clean
}

/// Bytes of the escape sequence that `text` starts with; 1 when it is none, so that
/// only the ESC goes.
fn escape_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let length = match bytes.get(1) {
        Some(b'[') => csi(bytes),
        Some(b']') => string(text, &["\x07", "\x1b\\"]),
        Some(b'P' | b'X' | b'^' | b'_') => string(text, &["\x1b\\"]),
        _ => intermediates(bytes, 1),
    };
    length.unwrap_or(1)
}

fn csi(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes
        .get(2..)?
        .iter()
        .take_while(|byte| (0x30..=0x3f).contains(*byte))
        .count();
    intermediates(bytes, 2 + parameters)
}

/// `20–2F*` from `start`, then a final byte `40–7E` (any other ESC sequence may also
/// end in `30–3F`).
fn intermediates(bytes: &[u8], start: usize) -> Option<usize> {
    let count = bytes
        .get(start..)?
        .iter()
        .take_while(|byte| (0x20..=0x2f).contains(*byte))
        .count();
    let last = bytes.get(start + count)?;
    (0x40..=0x7e).contains(last).then_some(start + count + 1)
}

fn string(text: &str, terminators: &[&str]) -> Option<usize> {
    terminators
        .iter()
        .filter_map(|end| Some(text.get(2..)?.find(end)? + 2 + end.len()))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_go_whole() {
        assert_eq!(cell("a\x1b[31;1mb\x1b[0mc"), "abc");
        assert_eq!(cell("a\x1b]0;title\x07b"), "ab");
        assert_eq!(cell("a\x1b]8;;http://x\x1b\\b"), "ab");
        assert_eq!(cell("a\x1bPdata\x1b\\b"), "ab");
        assert_eq!(cell("a\x1b(Bb"), "ab");
        assert_eq!(cell("a\x1b"), "a");
        assert_eq!(cell("a\x1b]unterminated"), "a]unterminated");
    }

    #[test]
    fn invisible_and_control_characters_go() {
        assert_eq!(cell("a\u{202e}b\u{200b}c\u{7f}\u{9b}d\te\r\n"), "abcde");
        assert_eq!(lines("a\r\nb\x07"), "a\nb");
        assert_eq!(recording("a\r\nb\t\x0e\x0f\x1b[K"), "a\r\nb\t");
    }

    #[test]
    fn a_format_character_cannot_hide_an_escape() {
        assert_eq!(cell("\x1b\u{200b}[31mx"), "x");
    }

    proptest! {
        #[test]
        fn no_control_character_survives(text in any::<String>()) {
            let clean = cell(&text);
            prop_assert!(clean.chars().all(|c| !c.is_control() && !is_format(c)));
        }
    }
}
