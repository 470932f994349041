//! The text under the parser: bytes with their offsets in the original input.

use std::borrow::Cow;

/// Bytes to parse. Inside backquotes one level of backslashes has been removed,
/// so each byte remembers where it came from.
pub(crate) struct Source<'s> {
    bytes: Cow<'s, [u8]>,
    offsets: Option<Vec<usize>>,
    /// Parsing stops here as if the input ended.
    pub(crate) limit: usize,
}

impl<'s> Source<'s> {
    pub(crate) fn new(text: &'s str) -> Self {
        Self {
            bytes: Cow::Borrowed(text.as_bytes()),
            offsets: None,
            limit: text.len(),
        }
    }

    /// `offsets` holds one entry per byte and one for the end.
    pub(crate) fn mapped(bytes: Vec<u8>, offsets: Vec<usize>) -> Self {
        let limit = bytes.len();
        Self {
            bytes: Cow::Owned(bytes),
            offsets: Some(offsets),
            limit,
        }
    }

    pub(crate) fn at(&self, index: usize) -> Option<u8> {
        if index < self.limit {
            self.bytes.get(index).copied()
        } else {
            None
        }
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.bytes
            .get(start..end.min(self.limit))
            .unwrap_or_default()
    }

    /// Offset in the original input.
    pub(crate) fn absolute(&self, index: usize) -> usize {
        match &self.offsets {
            None => index,
            Some(offsets) => offsets.get(index).or(offsets.last()).copied().unwrap_or(0),
        }
    }

    /// First index at or after `index` that is not part of a line continuation.
    pub(crate) fn skip_continuations(&self, mut index: usize) -> usize {
        while self.at(index) == Some(b'\\') && self.at(index + 1) == Some(b'\n') {
            index += 2;
        }
        index
    }
}

/// Ends an unquoted word.
pub(crate) fn is_meta(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'
    )
}

pub(crate) fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether `text` is a valid variable name.
pub fn is_name(text: &str) -> bool {
    text.bytes().next().is_some_and(is_name_start) && text.bytes().all(is_name_byte)
}
