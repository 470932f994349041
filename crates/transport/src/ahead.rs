//! Reading ahead, beneath TLS. The TLS library takes four KiB with each read, which
//! costs more than all its cryptography where content moves. Here whoever has read its
//! fill gets the next bytes out of one larger read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// One read of a connection that has much to say, in bytes. Nobody who says little
/// costs this memory.
const AHEAD: usize = 64 * 1024;
/// Less than this is little.
const LITTLE: usize = 4096;

/// A stream that is read ahead of its reader.
#[derive(Debug)]
pub struct ReadAhead<S> {
    stream: S,
    ahead: BytesMut,
    /// The last read was as large as it could be.
    is_busy: bool,
}

impl<S> ReadAhead<S> {
    /// Nothing is read yet.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
            is_busy: false,
        }
    }
}

impl<S: AsyncRead + Unpin> ReadAhead<S> {
    fn straight(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.remaining();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.is_busy = buffer.remaining() == 0 && before >= LITTLE;
        Poll::Ready(Ok(()))
    }

    /// Gives from what was read ahead. What is empty goes, unless there is more to come.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(self.ahead.get(..count).unwrap_or_default());
        self.ahead.advance(count);
        if self.ahead.is_empty() && !self.is_busy {
            self.ahead = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ahead.is_empty() {
            if !this.is_busy || buffer.remaining() >= AHEAD {
                return this.straight(context, buffer);
            }
            this.ahead.reserve(AHEAD);
            let read = poll_read_buf(Pin::new(&mut this.stream), context, &mut this.ahead);
            if read.is_pending() {
                // Who says nothing more keeps no memory.
                this.ahead = BytesMut::new();
            }
            this.is_busy = ready!(read)? >= LITTLE;
        }
        this.give(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn everything_comes_in_order_whatever_is_asked_for() {
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let (mut far, near) = tokio::io::duplex(300_000);
        let content = sent.clone();
        let sender = tokio::spawn(async move {
            for piece in content.chunks(70_001) {
                far.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut reader = ReadAhead::new(near);
        let mut read = Vec::new();
        for size in [1, 4096, 4096, 100, 70_000, 4096].into_iter().cycle() {
            let mut piece = vec![0; size];
            let count = reader.read(&mut piece).await.unwrap();
            if count == 0 {
                break;
            }
            read.extend_from_slice(&piece[..count]);
        }
        sender.await.unwrap();
        assert!(read == sent);
    }

    #[tokio::test]
    async fn silence_keeps_no_memory() {
        let (mut far, near) = tokio::io::duplex(300_000);
        let mut reader = ReadAhead::new(near);
        let mut piece = [0; 4096];
        far.write_all(&[7; 4096 + AHEAD]).await.unwrap();
        for _ in 0..17 {
            reader.read_exact(&mut piece).await.unwrap();
        }
        assert!(reader.is_busy);
        let waiting = tokio::time::timeout(std::time::Duration::ZERO, reader.read(&mut piece));
        assert!(waiting.await.is_err());
        assert_eq!(reader.ahead.capacity(), 0);
        far.write_all(b"end").await.unwrap();
        drop(far);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"end");
    }
}
