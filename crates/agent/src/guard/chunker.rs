//! Output cut into pieces of text.

/// A piece is complete when this much is there, and holds at most as much.
const CHUNK: usize = 4096;

/// Output that waits to become a piece.
#[derive(Debug, Default)]
pub(crate) struct Chunker {
    pending: Vec<u8>,
}

impl Chunker {
    /// Takes output.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole piece.
    pub(crate) fn next_whole(&mut self) -> Option<String> {
        (self.pending.len() >= CHUNK)
            .then(|| self.cut(character_boundary(&self.pending, CHUNK)))
            .flatten()
    }

    /// What is there, except a character that is not complete yet.
    pub(crate) fn characters(&mut self) -> Option<String> {
        let limit = self.pending.len().min(CHUNK);
        self.cut(character_boundary(&self.pending, limit))
    }

    /// What is there, at most a piece.
    pub(crate) fn rest(&mut self) -> Option<String> {
        if self.pending.len() >= CHUNK {
            return self.next_whole();
        }
        self.cut(self.pending.len())
    }

    /// Something waits.
    #[must_use]
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    fn cut(&mut self, end: usize) -> Option<String> {
        if end == 0 {
            return None;
        }
        let rest = self.pending.split_off(end);
        let piece = std::mem::replace(&mut self.pending, rest);
        Some(String::from_utf8_lossy(&piece).into_owned())
    }
}

/// The greatest end ≤ `limit` that does not cut a UTF-8 character. Bytes that are
/// no UTF-8 at all are not waited for.
fn character_boundary(bytes: &[u8], limit: usize) -> usize {
    let limit = limit.min(bytes.len());
    for back in 1..=limit.min(3) {
        let at = limit - back;
        let Some(byte) = bytes.get(at) else { break };
        let length = match byte {
            0x80..=0xBF => continue,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => 1,
        };
        return if length > back { at } else { limit };
    }
    limit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_are_whole_characters_and_nothing_is_lost() {
        let text = "a€".repeat(3000);
        let mut chunker = Chunker::default();
        let mut pieces = String::new();
        for bytes in text.as_bytes().chunks(777) {
            chunker.push(bytes);
            while let Some(piece) = chunker.next_whole() {
                assert!(piece.len() <= CHUNK);
                pieces.push_str(&piece);
            }
        }
        while let Some(piece) = chunker.rest() {
            pieces.push_str(&piece);
        }
        assert_eq!(pieces, text);
        assert!(!chunker.has_pending());
    }

    #[test]
    fn never_waits_for_what_is_no_text() {
        assert_eq!(character_boundary(&[0xFF; 10], 10), 10);
        assert_eq!(character_boundary(&[0x80; 10], 10), 10);
        assert_eq!(character_boundary(b"ab\xe2\x82", 4), 2);
        assert_eq!(character_boundary("ab€".as_bytes(), 5), 5);
        assert_eq!(character_boundary(b"", 0), 0);
    }

    proptest! {
        #[test]
        fn pieces_of_text_are_text(text in "\\PC{1,40}", limit in 1usize..40) {
            let bytes = text.as_bytes();
            let end = character_boundary(bytes, limit);
            prop_assert!(end <= limit.min(bytes.len()));
            prop_assert!(std::str::from_utf8(&bytes[..end]).is_ok());
            prop_assert!(end + 4 > limit.min(bytes.len()));
        }
    }
}
