//! A command's output: streamed in pieces as it comes, and kept, capped, for the
//! result (`agent-control.md` §12.5).

use std::collections::VecDeque;

use crate::guard::chunker::Chunker;
use crate::reporter::{Receipt, Reporter};

/// Each of the two ends of the output that the result keeps.
const HALF_RESULT: usize = 512 * 1024;

/// Output of one command on its way to the server.
pub(crate) struct Output {
    reporter: Reporter,
    command: String,
    pending: Chunker,
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
            pending: Chunker::default(),
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
        self.pending.push(bytes);
        while let Some(piece) = self.pending.next_whole() {
            self.emit(piece).await;
        }
    }

    /// Takes a piece that a supervisor has cut and numbered. It keeps the piece until
    /// the receipt, so here it is waited for without end.
    pub(crate) async fn relay(&mut self, seq: i64, piece: String, receipt: Receipt) {
        self.capture.push(piece.as_bytes());
        self.next_seq = self.next_seq.max(seq.saturating_add(1));
        self.reporter
            .relay_chunk(&self.command, seq, piece, receipt)
            .await;
    }

    /// Something waits to be flushed.
    #[must_use]
    pub(crate) fn has_pending(&self) -> bool {
        self.pending.has_pending()
    }

    /// Sends what there is, except a character that is not complete yet.
    pub(crate) async fn flush_characters(&mut self) {
        if let Some(piece) = self.pending.characters() {
            self.emit(piece).await;
        }
    }

    /// Sends all there is.
    pub(crate) async fn flush(&mut self) {
        while let Some(piece) = self.pending.rest() {
            self.emit(piece).await;
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        fn short_output_is_kept_whole(pieces in prop::collection::vec("[a-z]{0,50}", 0..20)) {
            let mut capture = Capture::default();
            for piece in &pieces {
                capture.push(piece.as_bytes());
            }
            prop_assert_eq!(capture.text(), pieces.concat());
        }
    }
}
