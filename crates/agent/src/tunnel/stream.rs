//! One stream and its connection to the target.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mux::{RecvHalf, SendHalf, Stream};
use protocol::tunnel::Preamble;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Shared;

/// Whoever opens a stream says at once what for.
const PREAMBLE_TIMEOUT: Duration = Duration::from_secs(10);
/// The target answers within this, or not at all.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the streams of a tunnel go.
pub(super) struct Target {
    pub(super) shared: Arc<Shared>,
    pub(super) port: u16,
    /// The peer knows half-closed streams. One that does not takes the first end of
    /// data, in whichever direction, for the end of both.
    pub(super) is_precise: bool,
}

impl Target {
    /// Serves a stream to its end. One that fails is given up, which the peer sees.
    pub(super) async fn serve(&self, stream: Stream) {
        let (mut recv, mut send) = stream.into_split();
        let outcome = self.connect(&mut recv).await;
        let (rest, target) = match outcome {
            Ok(connected) => connected,
            Err(error) => {
                tracing::debug!(port = self.port, %error, "no connection for a stream");
                send.abort();
                return;
            }
        };
        if let Err(error) = self.relay(recv, send, rest, target).await {
            tracing::debug!(port = self.port, %error, "a connection broke");
        }
    }

    async fn connect(&self, recv: &mut RecvHalf) -> io::Result<(Bytes, TcpStream)> {
        let (preamble, rest) = tokio::time::timeout(PREAMBLE_TIMEOUT, read_preamble(recv))
            .await
            .map_err(|_| io::Error::other("no first line in time"))??;
        // The order names the port; a stream cannot widen it.
        if preamble.port(self.port) != Ok(self.port) {
            return Err(io::Error::other("the stream asks for another port"));
        }
        let dialling = self.shared.target.connect(self.port);
        let target = tokio::time::timeout(DIAL_TIMEOUT, dialling)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok((rest, target))
    }

    async fn relay(
        &self,
        recv: RecvHalf,
        send: SendHalf,
        rest: Bytes,
        target: TcpStream,
    ) -> io::Result<()> {
        let (from_target, mut to_target) = target.into_split();
        to_target.write_all(&rest).await?;
        let up = up(recv, to_target);
        let down = down(from_target, send);
        tokio::pin!(up, down);
        tokio::select! {
            ended = &mut up => {
                // Also for a public server, whose client is gone for good: what the
                // target still says, nobody hears.
                let _halves = ended?;
                if self.is_precise {
                    down.await?;
                }
            }
            ended = &mut down => {
                let _halves = ended?;
                if self.is_precise {
                    up.await?;
                }
            }
        }
        Ok(())
    }
}

/// From the stream to the target, whose input ends with it.
async fn up(
    mut recv: RecvHalf,
    mut target: OwnedWriteHalf,
) -> io::Result<(RecvHalf, OwnedWriteHalf)> {
    while let Some(data) = recv.recv().await? {
        target.write_all(&data).await?;
    }
    target.shutdown().await?;
    Ok((recv, target))
}

/// From the target to the stream.
async fn down(
    mut target: OwnedReadHalf,
    mut send: SendHalf,
) -> io::Result<(OwnedReadHalf, SendHalf)> {
    loop {
        // Room first: what is read is then on its way at once.
        send.reserve().await?;
        let mut chunk = send.chunk();
        if chunk.fill(&mut target).await? == 0 {
            send.finish();
            return Ok((target, send));
        }
        send.send_chunk(chunk).await?;
    }
}

async fn read_preamble(recv: &mut RecvHalf) -> io::Result<(Preamble, Bytes)> {
    let mut read = BytesMut::new();
    loop {
        let piece = recv
            .recv()
            .await?
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        read.extend_from_slice(&piece);
        if let Some((preamble, length)) = Preamble::read(&read).map_err(io::Error::other)? {
            return Ok((preamble, read.split_off(length).freeze()));
        }
    }
}
