//! A recording as lines of text, for reading and searching: without escape sequences,
//! with secrets masked.

use store::now;
use store::websh::NewRecord;

/// Longest line; the rest of one goes on in the next.
const MAX_LINE: usize = 4096;
/// Text of one session; more is only in the recording itself.
const MAX_TEXT: usize = 8 * 1024 * 1024;
/// Words that a secret follows.
const SECRET_WORDS: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "private_key",
];
const MASK: &str = "********";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// Behind ESC and an intermediate character.
    Charset,
    /// In a control sequence.
    Control,
    /// In a string that a terminator ends.
    String,
    /// Behind ESC in such a string.
    StringEscape,
}

/// Takes output and gives lines.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    mode: Mode,
    line: String,
    total: usize,
    in_key: bool,
    lines: Vec<NewRecord>,
}

impl Transcript {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for character in String::from_utf8_lossy(bytes).chars() {
            self.take(character);
        }
    }

    /// The lines that are complete.
    pub(super) fn lines(&mut self) -> Vec<NewRecord> {
        std::mem::take(&mut self.lines)
    }

    /// Takes lines back that could not be stored yet.
    pub(super) fn put_back(&mut self, mut lines: Vec<NewRecord>) {
        lines.append(&mut self.lines);
        self.lines = lines;
    }

    /// The last line counts as complete, too.
    pub(super) fn finish(&mut self) {
        self.end_line();
    }

    fn take(&mut self, character: char) {
        self.mode = match (self.mode, character) {
            (Mode::Text, '\u{1b}') => Mode::Escape,
            (Mode::Text, _) => {
                self.show(character);
                Mode::Text
            }
            (Mode::Escape, '[') => Mode::Control,
            (Mode::Escape, ']' | 'P' | 'X' | '^' | '_') => Mode::String,
            (Mode::Escape, ' '..='/') => Mode::Charset,
            (Mode::Control, '\u{1b}') => Mode::Escape,
            (Mode::Control, '\u{20}'..='\u{3f}') => Mode::Control,
            (Mode::String, '\u{7}' | '\u{18}' | '\u{1a}' | '\u{9c}') => Mode::Text,
            (Mode::String, '\u{1b}') => Mode::StringEscape,
            (Mode::String, _) => Mode::String,
            (Mode::StringEscape, '\\') => Mode::Text,
            (Mode::StringEscape, _) => Mode::String,
            (Mode::Escape | Mode::Charset | Mode::Control, _) => Mode::Text,
        };
    }

    fn show(&mut self, character: char) {
        match character {
            '\n' => self.end_line(),
            '\u{8}' => {
                self.line.pop();
            }
            '\t' => self.line.push(' '),
            // Also what could hide or reorder text.
            hidden if hidden.is_control() => {}
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            shown => self.line.push(shown),
        }
        if self.line.len() >= MAX_LINE {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = line.trim_end();
        if text.is_empty() || self.total >= MAX_TEXT {
            return;
        }
        let record = self.masked(text);
        self.total += record.len();
        self.lines.push(NewRecord {
            added_at: now(),
            record,
        });
    }

    fn masked(&mut self, line: &str) -> String {
        let is_begin = line.contains("-----BEGIN") && line.contains("PRIVATE KEY");
        let was_in_key = self.in_key;
        self.in_key = (self.in_key || is_begin) && !line.contains("-----END");
        if was_in_key || is_begin {
            return MASK.to_owned();
        }
        mask(line)
    }
}

/// Masks what stands behind a word for a secret.
fn mask(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut masked = String::with_capacity(line.len());
    let mut done = 0;
    while let Some((start, end)) = next_secret(&lower, done) {
        masked.push_str(line.get(done..start).unwrap_or_default());
        masked.push_str(MASK);
        done = end;
    }
    masked.push_str(line.get(done..).unwrap_or_default());
    masked
}

/// The next value behind a word for a secret and `=` or `:`.
fn next_secret(lower: &str, from: usize) -> Option<(usize, usize)> {
    let rest = lower.get(from..)?;
    let mut found = None;
    for word in SECRET_WORDS {
        for (at, _) in rest.match_indices(word) {
            let behind = rest.get(at + word.len()..)?;
            let value = behind.trim_start_matches(['"', '\'']);
            let Some(value) = value.strip_prefix(['=', ':']) else {
                continue;
            };
            let value = value.trim_start_matches([' ', '"', '\'']);
            let length = value
                .find(|c: char| c.is_whitespace() || "\"'&;,".contains(c))
                .unwrap_or(value.len());
            if length == 0 {
                continue;
            }
            let start = lower.len() - value.len();
            if found.is_none_or(|(first, _)| start < first) {
                found = Some((start, start + length));
            }
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(input: &[u8]) -> Vec<String> {
        let mut transcript = Transcript::default();
        transcript.push(input);
        transcript.finish();
        transcript
            .lines()
            .into_iter()
            .map(|line| line.record)
            .collect()
    }

    #[test]
    fn escape_sequences_are_removed() {
        let shown = b"\x1b]0;title\x07\x1b[1;32mgreen\x1b[0m plain\r\n\x1b(Bnext\x1bP+q\x1b\\!\n";
        assert_eq!(text(shown), ["green plain", "next!"]);
        assert_eq!(text(b"lss\x08 -l\r\n\n"), ["ls -l"]);
        assert_eq!(text("a\u{202e}b\u{200b}c".as_bytes()), ["abc"]);
    }

    #[test]
    fn secrets_are_masked() {
        assert_eq!(
            text(b"export DB_PASSWORD=hunter2 x"),
            ["export DB_PASSWORD=******** x"]
        );
        assert_eq!(
            text(b"{\"token\": \"abc\", \"secret\":\"d\"}"),
            ["{\"token\": \"********\", \"secret\":\"********\"}"]
        );
        assert_eq!(
            text(b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nok"),
            ["********", "********", "********", "ok"]
        );
        assert_eq!(text(b"password: "), ["password:"]);
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(input in proptest::collection::vec(any::<u8>(), 0..400)) {
            for line in text(&input) {
                prop_assert!(!line.chars().any(char::is_control));
            }
        }
    }
}
