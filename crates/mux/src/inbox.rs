//! Data of one stream that waits for its reader.

use std::collections::VecDeque;

use bytes::Bytes;

/// Pieces at least this long are kept as they came; shorter ones are copied, so that
/// a few bytes do not keep a whole message in memory.
const SHARED: usize = 16 * 1024;
/// What keeping a piece costs beside its bytes.
const OVERHEAD: usize = 256;

/// Data of one stream that waits for its reader.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Inbox {
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        self.pieces.push_back(if piece.len() < SHARED {
            Bytes::copy_from_slice(&piece)
        } else {
            piece
        });
    }

    /// The next piece, or its first `max` bytes.
    pub(crate) fn pop(&mut self, max: usize) -> Option<Bytes> {
        let first = self.pieces.front_mut()?;
        let piece = if first.len() > max {
            first.split_to(max)
        } else {
            self.pieces.pop_front()?
        };
        self.bytes = self.bytes.saturating_sub(piece.len());
        Some(piece)
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Memory that it holds, about.
    pub(crate) fn cost(&self) -> usize {
        self.bytes + self.pieces.len() * OVERHEAD
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
