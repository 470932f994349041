//! A stream, whole or as its two halves.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::session::Shared;
use crate::{Chunk, Error};

/// A stream. Its end of data goes out with [`SendHalf::finish`]; dropping both halves
/// without that gives the stream up.
#[derive(Debug)]
pub struct Stream {
    recv: RecvHalf,
    send: SendHalf,
}

/// The receiving side of a stream.
#[derive(Debug)]
pub struct RecvHalf {
    shared: Shared,
    id: u32,
}

/// The sending side of a stream.
#[derive(Debug)]
pub struct SendHalf {
    shared: Shared,
    id: u32,
    max_frame: usize,
}

impl Stream {
    pub(crate) fn new(shared: Shared, id: u32) -> Self {
        let max_frame = shared.lock().config.max_frame;
        Self {
            recv: RecvHalf {
                shared: shared.clone(),
                id,
            },
            send: SendHalf {
                shared,
                id,
                max_frame,
            },
        }
    }

    /// Its id on the wire.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.recv.id
    }

    /// The two directions.
    #[must_use]
    pub fn into_split(self) -> (RecvHalf, SendHalf) {
        (self.recv, self.send)
    }

    /// The two directions, borrowed.
    pub fn split(&mut self) -> (&mut RecvHalf, &mut SendHalf) {
        (&mut self.recv, &mut self.send)
    }
}

impl RecvHalf {
    /// The next piece of data, as it came; `None` at the end of data.
    ///
    /// # Errors
    /// When the stream or its session ended without an end of data.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        poll_fn(|cx| self.poll_recv(usize::MAX, cx)).await
    }

    fn poll_recv(&self, max: usize, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.shared.lock().poll_recv(self.id, max, cx)
    }
}

impl SendHalf {
    /// Room for the data of one frame.
    #[must_use]
    pub fn chunk(&self) -> Chunk {
        Chunk::new(self.max_frame)
    }

    /// Waits until a frame may be queued.
    ///
    /// # Errors
    /// When the stream or its session is over.
    pub async fn reserve(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.shared.lock().poll_reserve(self.id, cx)).await
    }

    /// Queues a chunk, once there is room.
    ///
    /// # Errors
    /// When the stream or its session is over.
    pub async fn send_chunk(&mut self, chunk: Chunk) -> Result<(), Error> {
        self.reserve().await?;
        if !chunk.is_empty() {
            let mut state = self.shared.lock();
            let frame = chunk.into_frame(state.encoder, self.id);
            state.queue(self.id, frame);
        }
        Ok(())
    }

    /// Queues data, in as many frames as it needs.
    ///
    /// # Errors
    /// When the stream or its session is over.
    pub async fn send(&mut self, mut data: Bytes) -> Result<(), Error> {
        while !data.is_empty() {
            self.send_chunk(Chunk::take(&mut data, self.max_frame))
                .await?;
        }
        Ok(())
    }

    /// Ends our data after what is queued. Receiving goes on.
    pub fn finish(&mut self) {
        self.shared.lock().end_of_data(self.id);
    }

    /// Gives the stream up in both directions. A peer that knows no such frame sees
    /// an end of data.
    pub fn abort(&mut self) {
        self.shared.lock().abort(self.id);
    }

    fn poll_send(&self, data: &[u8], cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        let mut state = self.shared.lock();
        ready!(state.poll_reserve(self.id, cx))?;
        let piece = data.get(..self.max_frame.min(data.len())).unwrap_or(data);
        if !piece.is_empty() {
            let mut bytes = Bytes::copy_from_slice(piece);
            let length = bytes.len();
            let frame = Chunk::take(&mut bytes, length).into_frame(state.encoder, self.id);
            state.queue(self.id, frame);
        }
        Poll::Ready(Ok(piece.len()))
    }
}

impl Drop for RecvHalf {
    fn drop(&mut self) {
        self.shared.lock().drop_recv(self.id);
    }
}

impl Drop for SendHalf {
    fn drop(&mut self) {
        self.shared.lock().drop_send(self.id);
    }
}

impl AsyncRead for RecvHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if let Some(piece) = ready!(self.poll_recv(buffer.remaining(), cx))? {
            buffer.put_slice(&piece);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SendHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(data, cx).map_err(Into::into)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = self.shared.lock().poll_sent(self.id, cx);
        sent.map_err(Into::into)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.recv).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.send).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.send).poll_shutdown(cx)
    }
}
