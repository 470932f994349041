//! What agent and worker say to each other: one JSON document per packet, with at
//! most one open file beside it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use protocol::transfer::PathRules;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest packet, in bytes. Rules are the longest thing said.
const MAX_PACKET: usize = 1024 * 1024;

/// What the worker shall do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Make a place for a file; answered by [`Reply::Opened`] and the file to fill.
    Receive(ReceiveRequest),
    /// The file is whole: put it in place. Answered by [`Reply::Done`].
    Commit {
        /// Unpack it, if it is a zip.
        unzip: bool,
    },
    /// Open what shall be sent; answered by [`Reply::Opened`] and what to read. For
    /// a pipe, [`Reply::Done`] follows when all of it was written.
    Send(SendRequest),
}

/// See [`Request::Receive`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReceiveRequest {
    /// As ordered.
    pub(crate) path: String,
    /// The name in it, where it is a directory; empty: it must not be one.
    pub(crate) name: String,
    /// Where `~` and relative paths start.
    pub(crate) home: String,
    /// Replace what is there.
    pub(crate) overwrite: bool,
    /// Every list must allow the canonical path.
    pub(crate) rules: PathRules,
}

/// See [`Request::Send`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SendRequest {
    /// As ordered, at least one.
    pub(crate) paths: Vec<String>,
    /// Where `~` and relative paths start.
    pub(crate) home: String,
    /// `file`, `folder`, or empty for whatever it is.
    pub(crate) resource_type: String,
    /// Every list must allow every canonical path.
    pub(crate) rules: PathRules,
}

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// With an open file.
    Opened {
        /// Canonical path.
        path: String,
        /// Name for the receiver.
        name: String,
        /// Bytes, when known.
        size: Option<u64>,
        /// Whether it is a pipe that the worker writes into.
        piped: bool,
    },
    /// The last step is done.
    Done {
        /// For people.
        message: String,
    },
    /// It could not be done; nothing is left behind.
    Failed {
        /// For people.
        message: String,
    },
}

/// Sends a packet.
///
/// # Errors
/// When the other side is gone.
pub(crate) fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    file: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MAX_PACKET {
        return Err(io::Error::other("the packet is too long"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let files: Vec<BorrowedFd<'_>> = file.into_iter().collect();
    if !files.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
    }
    let slices = [IoSlice::new(&bytes)];
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(&socket, &slices, &mut ancillary, SendFlags::NOSIGNAL)
    })?;
    Ok(())
}

/// Receives a packet; `None` when the other side is gone.
///
/// # Errors
/// When there is no whole packet, also `WouldBlock` on a non-blocking socket.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut bytes = vec![0; MAX_PACKET];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let mut slices = [IoSliceMut::new(&mut bytes)];
        rustix::net::recvmsg(
            &socket,
            &mut slices,
            &mut ancillary,
            RecvFlags::CMSG_CLOEXEC,
        )
    })?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let file = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    let packet = bytes.get(..received.bytes).unwrap_or_default();
    Ok(Some((serde_json::from_slice(packet)?, file)))
}
