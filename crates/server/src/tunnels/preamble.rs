//! The first line of a stream.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mux::RecvHalf;
use protocol::tunnel::{Preamble, PreambleError};

/// Whoever opens a stream says at once what for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a stream has no first line.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPreamble {
    #[error(transparent)]
    Bad(#[from] PreambleError),
    #[error("no first line in time")]
    Late,
    #[error("the stream ended before its first line did")]
    Ended,
    #[error(transparent)]
    Lost(#[from] mux::Error),
}

/// Reads the first line; with it comes what arrived behind it.
pub(super) async fn read(recv: &mut RecvHalf) -> Result<(Preamble, Bytes), NoPreamble> {
    tokio::time::timeout(PATIENCE, read_line(recv))
        .await
        .map_err(|_| NoPreamble::Late)?
}

async fn read_line(recv: &mut RecvHalf) -> Result<(Preamble, Bytes), NoPreamble> {
    let mut read = BytesMut::new();
    loop {
        let piece = recv.recv().await?.ok_or(NoPreamble::Ended)?;
        read.extend_from_slice(&piece);
        if let Some((preamble, length)) = Preamble::read(&read)? {
            return Ok((preamble, read.split_off(length).freeze()));
        }
    }
}
