//! JSON for programs: characters that could harm a terminal are escaped, values
//! decode unchanged (`cli-core.md` §1.2).

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::sanitize::is_format;

/// Indent of JSON for programs.
pub(crate) const COMPACT_INDENT: &[u8] = b"  ";
/// Indent of JSON for people.
pub(crate) const WIDE_INDENT: &[u8] = b"    ";

/// `value` indented, with a closing newline.
pub(crate) fn pretty<T: Serialize + ?Sized>(value: &T, indent: &[u8]) -> String {
    written(value, PrettyFormatter::with_indent(indent))
}

/// `value` on one line, with a closing newline.
pub(crate) fn line<T: Serialize + ?Sized>(value: &T) -> String {
    written(value, CompactFormatter)
}

/// Writes `value` to stdout as JSON for programs.
pub(crate) fn print<T: Serialize + ?Sized>(value: &T) {
    super::stdout(&pretty(value, COMPACT_INDENT));
}

fn written<T: Serialize + ?Sized>(value: &T, formatter: impl Formatter) -> String {
    let mut bytes = Vec::new();
    let formatter = Escaping { inner: formatter };
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    if value.serialize(&mut serializer).is_err() {
        // Only a map with keys that are no strings gets here; we have none.
        bytes = b"null".to_vec();
    }
    bytes.push(b'\n');
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A formatter that also escapes DEL, C1 and format characters.
struct Escaping<F> {
    inner: F,
}

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0_u16; 2];
        for c in fragment.chars() {
            if c == '\u{7f}' || ('\u{80}'..='\u{9f}').contains(&c) || is_format(c) {
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            } else {
                write!(writer, "{c}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.begin_array(writer)
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_array(writer)
    }

    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.inner.begin_array_value(writer, first)
    }

    fn end_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_array_value(writer)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.begin_object(writer)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_object(writer)
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.inner.begin_object_key(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.begin_object_value(writer)
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.inner.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn dangerous_characters_are_escaped() {
        let text = pretty(&json!({"a": "x\u{7f}\u{9b}\u{202e}\u{e0001}<&>é"}), b"  ");
        assert_eq!(
            text,
            "{\n  \"a\": \"x\\u007f\\u009b\\u202e\\udb40\\udc01<&>é\"\n}\n"
        );
    }

    #[test]
    fn empty_lists_are_two_brackets() {
        assert_eq!(pretty(&json!([]), b"  "), "[]\n");
    }

    #[test]
    fn lines_are_compact_and_escaped() {
        assert_eq!(
            line(&json!({"b": 1, "a": "\u{9b}"})),
            "{\"b\":1,\"a\":\"\\u009b\"}\n"
        );
    }

    proptest! {
        #[test]
        fn values_decode_unchanged(text in any::<String>()) {
            let written = pretty(&json!({"v": text}), b"  ");
            let read: Value = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read["v"].as_str(), Some(text.as_str()));
        }
    }
}
