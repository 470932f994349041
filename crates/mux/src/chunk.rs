//! Room for one data frame, filled by a reader without another copy.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::frame::{Encoder, HEADER};

/// Room for one data frame: a reader writes its bytes behind the place of the
/// header, so that a frame leaves without being put together.
#[derive(Debug)]
pub struct Chunk {
    frame: BytesMut,
    max: usize,
}

impl Chunk {
    /// Room for `max` bytes, at most 65,535.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.min(usize::from(u16::MAX));
        let mut frame = BytesMut::with_capacity(HEADER + max);
        frame.put_bytes(0, HEADER);
        Self { frame, max }
    }

    /// A chunk of the first bytes of `data`, which it takes off.
    pub(crate) fn take(data: &mut Bytes, max: usize) -> Self {
        let piece = data.split_to(max.min(data.len()));
        let mut chunk = Self::new(piece.len());
        chunk.frame.put_slice(&piece);
        chunk
    }

    /// Bytes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frame.len().saturating_sub(HEADER)
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads once from `reader`; 0 at its end.
    ///
    /// # Errors
    /// When reading fails.
    pub async fn fill(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        let room = self.max.saturating_sub(self.len());
        reader.read_buf(&mut (&mut self.frame).limit(room)).await
    }

    /// The frame for `stream`.
    pub(crate) fn into_frame(mut self, encoder: Encoder, stream: u32) -> Bytes {
        // Never longer than `max`, which fits.
        let length = u16::try_from(self.len()).unwrap_or(u16::MAX);
        let header = encoder.data_header(length, stream);
        for (place, byte) in self.frame.iter_mut().zip(header) {
            *place = byte;
        }
        self.frame.freeze()
    }

    /// Takes the first `length` bytes of a frame off into a frame of their own.
    pub(crate) fn split(frame: &mut Bytes, length: usize, encoder: Encoder, stream: u32) -> Bytes {
        let mut data = frame.clone();
        data.advance(HEADER.min(data.len()));
        let first = Self::take(&mut data, length).into_frame(encoder, stream);
        let max = data.len();
        *frame = Self::take(&mut data, max).into_frame(encoder, stream);
        first
    }
}
