//! A command's output: streamed in pieces as it comes, and kept, capped, for the
//! result (`agent-control.md` §12.5).

use std::collections::VecDeque;

use crate::reporter::Reporter;

/// A piece is sent when this much is there, and holds at most as much.
const CHUNK: usize = 4096;
/// Each of the two ends of the output that the result keeps.
const HALF_RESULT: usize = 512 * 1024;

/// Output of one command on its way to the server.
pub(crate) struct Output {
    reporter: Reporter,
    command: String,
    pending: Vec<u8>,
    next_seq: i64,
    capture: Capture,
}

impl Output {
    /// The output of `command`.
    #[must_use]
    pub(crate) fn new(reporter: Reporter, command: String) -> Self {
        Self {
            reporter,
            command,
            pending: Vec::new(),
            next_seq: 0,
            capture: Capture::default(),
        }
    }

    /// Whose output it is.
    #[must_use]
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// Takes what the command wrote; sends whole pieces. Slows down to what the
    /// server takes.
    pub(crate) async fn push(&mut self, bytes: &[u8]) {
        self.capture.push(bytes);
        self.pending.extend_from_slice(bytes);
        while self.pending.len() >= CHUNK {
            let end = character_boundary(&self.pending, CHUNK);
            self.send(end).await;
        }
    }

    /// Something waits to be flushed.
    #[must_use]
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Sends what there is, except a character that is not complete yet.
    pub(crate) async fn flush_characters(&mut self) {
        let end = character_boundary(&self.pending, self.pending.len());
        self.send(end).await;
    }

    /// Sends all there is.
    pub(crate) async fn flush(&mut self) {
        self.send(self.pending.len()).await;
    }

    /// Sends a line of the agent's own, which is no part of the captured output.
    pub(crate) async fn say(&mut self, line: &str) {
        self.flush().await;
        self.emit(line.to_owned()).await;
    }

    /// The capped output as text.
    #[must_use]
    pub(crate) fn captured(&self) -> String {
        self.capture.text()
    }

    /// Pieces sent so far.
    #[must_use]
    pub(crate) fn chunks(&self) -> i64 {
        self.next_seq
    }

    async fn send(&mut self, end: usize) {
        if end == 0 {
            return;
        }
        let rest = self.pending.split_off(end);
        let piece = std::mem::replace(&mut self.pending, rest);
        self.emit(String::from_utf8_lossy(&piece).into_owned())
            .await;
    }

    async fn emit(&mut self, content: String) {
        let seq = self.next_seq;
        // A piece that is dropped leaves a gap, which the server sees.
        self.next_seq += 1;
        self.reporter.chunk(&self.command, seq, content).await;
    }
}

/// The first and the last half mebibyte.
#[derive(Debug, Default)]
struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped: u64,
}

impl Capture {
    fn push(&mut self, bytes: &[u8]) {
        let room = HALF_RESULT - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(HALF_RESULT);
        self.tail.drain(..excess);
        self.dropped += excess as u64;
    }

    fn text(&self) -> String {
        let (first, second) = self.tail.as_slices();
        if self.dropped == 0 {
            let whole = [self.head.as_slice(), first, second].concat();
            return String::from_utf8_lossy(&whole).into_owned();
        }
        let tail = [first, second].concat();
        format!(
            "{}\n[{} bytes of output left out]\n{}",
            String::from_utf8_lossy(&self.head),
            self.dropped,
            String::from_utf8_lossy(&tail)
        )
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
    fn never_waits_for_what_is_no_text() {
        assert_eq!(character_boundary(&[0xFF; 10], 10), 10);
        assert_eq!(character_boundary(&[0x80; 10], 10), 10);
        assert_eq!(character_boundary(b"ab\xe2\x82", 4), 2);
        assert_eq!(character_boundary("ab€".as_bytes(), 5), 5);
        assert_eq!(character_boundary(b"", 0), 0);
    }

    #[test]
    fn keeps_both_ends() {
        let mut capture = Capture::default();
        capture.push(b"first ");
        for _ in 0..400 {
            capture.push(&[b'x'; 4096]);
        }
        capture.push(b" last");
        let text = capture.text();
        assert!(text.starts_with("first x") && text.ends_with("x last"));
        let dropped = 6 + 400 * 4096 + 5 - 2 * HALF_RESULT;
        assert!(text.contains(&format!("[{dropped} bytes of output left out]")));
        assert!(text.len() < 2 * HALF_RESULT + 100);
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

        #[test]
        fn short_output_is_kept_whole(pieces in prop::collection::vec("[a-z]{0,50}", 0..20)) {
            let mut capture = Capture::default();
            for piece in &pieces {
                capture.push(piece.as_bytes());
            }
            prop_assert_eq!(capture.text(), pieces.concat());
        }
    }
}
