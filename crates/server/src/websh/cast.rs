//! Recordings as asciicast version 2: a header, then one JSON array for each event, on
//! lines. Players ignore events that they do not know; ours is `x`, which holds the exact
//! bytes of the output before it where those were no text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The first line.
pub(super) fn header(rows: u16, cols: u16, timestamp: i64, title: &str) -> Vec<u8> {
    line(&json!({
        "version": 2,
        "width": cols,
        "height": rows,
        "timestamp": timestamp,
        "title": title,
        "env": {"TERM": "xterm-256color"},
    }))
}

/// What the terminal showed, `at` seconds after the start.
pub(super) fn output(at: f64, bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = event(at, "o", &text);
    if matches!(text, std::borrow::Cow::Owned(_)) {
        lines.extend(event(at, "x", &STANDARD.encode(bytes)));
    }
    lines
}

/// What was typed.
pub(super) fn input(at: f64, bytes: &[u8]) -> Vec<u8> {
    event(at, "i", &String::from_utf8_lossy(bytes))
}

/// The terminal's size changed.
pub(super) fn resize(at: f64, rows: u16, cols: u16) -> Vec<u8> {
    event(at, "r", &format!("{cols}x{rows}"))
}

fn event(at: f64, code: &str, data: &str) -> Vec<u8> {
    // Microseconds are enough, and keep lines short.
    let at = (at * 1e6).round() / 1e6;
    line(&json!([at, code, data]))
}

fn line(value: &Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Bytes that the terminal showed according to whole lines of a recording.
pub(super) fn shown(text: &[u8]) -> u64 {
    let mut total = 0;
    let mut last = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let Ok((_, code, data)) = serde_json::from_slice::<(f64, String, String)>(line) else {
            continue;
        };
        match code.as_str() {
            "o" => {
                last = data.len() as u64;
                total += last;
            }
            "x" => {
                let exact = STANDARD.decode(&data).map_or(0, |bytes| bytes.len());
                total = total - last + exact as u64;
            }
            _ => {}
        }
    }
    total
}

/// How many of the bytes are whole characters: a character that is cut off at the end
/// waits for its rest.
pub(super) fn whole_characters(bytes: &[u8]) -> usize {
    for back in 1..=3.min(bytes.len()) {
        let at = bytes.len() - back;
        let Some(&byte) = bytes.get(at) else { break };
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return bytes.len(),
        };
        return if length > back { at } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cut_off_character_waits() {
        let text = "a€😀";
        assert_eq!(whole_characters(text.as_bytes()), 8);
        assert_eq!(whole_characters(&text.as_bytes()[..7]), 4);
        assert_eq!(whole_characters(&text.as_bytes()[..3]), 1);
        assert_eq!(whole_characters(b"\xff\xfe"), 2);
        assert_eq!(whole_characters(b"\x80\x80\x80\x80"), 4);
    }

    proptest! {
        #[test]
        fn the_bytes_shown_can_be_counted_again(pieces in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 1..50), 1..10)) {
            let mut text = header(24, 80, 0, "t");
            let mut count = 0;
            for piece in &pieces {
                text.extend(output(0.5, piece));
                text.extend(input(0.6, piece));
                count += piece.len() as u64;
            }
            prop_assert_eq!(shown(&text), count);
        }

        #[test]
        fn only_a_real_beginning_of_a_character_waits(text in ".{0,10}", cut in 0_usize..40) {
            let bytes = text.as_bytes();
            let bytes = &bytes[..cut.min(bytes.len())];
            let whole = whole_characters(bytes);
            prop_assert!(std::str::from_utf8(&bytes[..whole]).is_ok());
            prop_assert!(bytes.len() - whole < 4);
        }
    }
}
