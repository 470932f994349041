//! A socket as a pipe of [`Bytes`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;

/// Bytes read at once.
const READ: usize = 64 * 1024;

/// A socket as a pipe of [`Bytes`].
#[derive(Debug)]
pub struct Pipe<T> {
    socket: T,
    input: BytesMut,
    output: Bytes,
}

/// Makes a pipe of anything that reads and writes bytes.
pub fn pipe<T: AsyncRead + AsyncWrite + Unpin>(socket: T) -> Pipe<T> {
    Pipe {
        socket,
        input: BytesMut::new(),
        output: Bytes::new(),
    }
}

impl<T: AsyncRead + Unpin> Stream for Pipe<T> {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.input.reserve(READ);
        let read = ready!(poll_read_buf(
            Pin::new(&mut this.socket),
            cx,
            &mut this.input
        ));
        Poll::Ready(match read {
            Ok(0) => None,
            Ok(_) => Some(Ok(this.input.split().freeze())),
            Err(error) => Some(Err(error)),
        })
    }
}

impl<T: AsyncWrite + Unpin> Pipe<T> {
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.output))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(written.min(self.output.len()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Sink<Bytes> for Pipe<T> {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_drain(cx)
    }

    fn start_send(self: Pin<&mut Self>, item: Bytes) -> io::Result<()> {
        self.get_mut().output = item;
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}
