//! What our own programs say on the WebSocket of a terminal, so that it can be lost and
//! taken up again without a lost or doubled byte
//! ([`crate::auth::extension::TERMINAL_RESUME`]).
//!
//! Each binary message is one [`Frame`]. Data carries its place in its direction's
//! stream; an [`Frame::Ack`] says how far it was taken, which is also the window: at most
//! [`WINDOW`] bytes are under way without one. Both sides begin with a [`Frame::Hello`],
//! the dialling side first, and go on from where the other one is.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// Bytes that may be under way in one direction without an acknowledgement.
pub const WINDOW: u64 = 192 * 1024;
/// Most bytes in one [`Frame::Data`].
pub const MAX_DATA: usize = 32 * 1024;
/// Longest message.
pub const MAX_FRAME: usize = MAX_DATA + 64;

const HELLO: u8 = 0;
const DATA: u8 = 1;
const ACK: u8 = 2;
const RESIZE: u8 = 3;
const EXIT: u8 = 4;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The first in either direction.
    Hello {
        /// Bytes that the sender has taken of the other's stream.
        received: u64,
        /// The `mark` of the last of them.
        mark: u64,
    },
    /// Bytes of the terminal.
    Data {
        /// Place of the first of them in the stream.
        offset: u64,
        /// Kept by the receiver and given back in its [`Frame::Hello`]; what it means is
        /// the sender's matter.
        mark: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// Everything before was taken.
    Ack {
        /// Bytes taken of the other's stream.
        received: u64,
        /// From an agent: the terminal showed what was typed since the last one.
        shown: bool,
    },
    /// The terminal's size changed.
    Resize {
        /// Lines.
        rows: u16,
        /// Columns.
        cols: u16,
    },
    /// From an agent, after all its data: the shell ended.
    Exit {
        /// Its exit status; above 128, the signal that ended it.
        status: i32,
    },
}

/// A message that is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is no terminal frame")]
pub struct FrameError;

impl Frame {
    /// The message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(32);
        match self {
            Self::Hello { received, mark } => {
                out.put_u8(HELLO);
                out.put_u64(*received);
                out.put_u64(*mark);
            }
            Self::Data {
                offset,
                mark,
                bytes,
            } => {
                out.reserve(bytes.len());
                out.put_u8(DATA);
                out.put_u64(*offset);
                out.put_u64(*mark);
                out.put_slice(bytes);
            }
            Self::Ack { received, shown } => {
                out.put_u8(ACK);
                out.put_u64(*received);
                out.put_u8(u8::from(*shown));
            }
            Self::Resize { rows, cols } => {
                out.put_u8(RESIZE);
                out.put_u16(*rows);
                out.put_u16(*cols);
            }
            Self::Exit { status } => {
                out.put_u8(EXIT);
                out.put_i32(*status);
            }
        }
        out.freeze()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// When it is not exactly one frame.
    pub fn decode(mut message: Bytes) -> Result<Self, FrameError> {
        if message.len() > MAX_FRAME {
            return Err(FrameError);
        }
        let kind = message.try_get_u8().map_err(|_| FrameError)?;
        let frame = match kind {
            HELLO => Self::Hello {
                received: u64_of(&mut message)?,
                mark: u64_of(&mut message)?,
            },
            DATA => Self::Data {
                offset: u64_of(&mut message)?,
                mark: u64_of(&mut message)?,
                bytes: std::mem::take(&mut message),
            },
            ACK => Self::Ack {
                received: u64_of(&mut message)?,
                shown: match message.try_get_u8() {
                    Ok(0) => false,
                    Ok(1) => true,
                    _ => return Err(FrameError),
                },
            },
            RESIZE => Self::Resize {
                rows: message.try_get_u16().map_err(|_| FrameError)?,
                cols: message.try_get_u16().map_err(|_| FrameError)?,
            },
            EXIT => Self::Exit {
                status: message.try_get_i32().map_err(|_| FrameError)?,
            },
            _ => return Err(FrameError),
        };
        match message.is_empty() {
            true => Ok(frame),
            false => Err(FrameError),
        }
    }
}

fn u64_of(message: &mut Bytes) -> Result<u64, FrameError> {
    message.try_get_u64().map_err(|_| FrameError)
}

/// What was sent and not yet acknowledged, to be sent again on the next connection.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    /// Place of the first byte that is kept.
    start: u64,
    /// Place of the next byte to be sent on this connection.
    next: u64,
    kept: std::collections::VecDeque<(u64, Bytes)>,
    held: u64,
}

impl Outgoing {
    /// A stream of which `start` bytes have been taken already.
    #[must_use]
    pub fn starting_at(start: u64) -> Self {
        Self {
            start,
            next: start,
            ..Self::default()
        }
    }

    /// Bytes that are kept.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Whether more may be taken in before something is acknowledged.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.held < WINDOW
    }

    /// Takes bytes in.
    pub fn push(&mut self, mark: u64, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(MAX_DATA));
            self.held += piece.len() as u64;
            self.kept.push_back((mark, piece));
        }
    }

    /// The next frame to be sent, if something is left.
    pub fn take(&mut self) -> Option<Frame> {
        let mut offset = self.start;
        for (mark, piece) in &self.kept {
            let end = offset + piece.len() as u64;
            if end > self.next {
                let skip = usize::try_from(self.next - offset).unwrap_or(0);
                let frame = Frame::Data {
                    offset: self.next,
                    mark: *mark,
                    bytes: piece.slice(skip.min(piece.len())..),
                };
                self.next = end;
                return Some(frame);
            }
            offset = end;
        }
        None
    }

    /// Whether [`Self::take`] would give something.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.next < self.start + self.held
    }

    /// The other side has taken everything before `received`.
    ///
    /// # Errors
    /// When it cannot have.
    pub fn acknowledge(&mut self, received: u64) -> Result<(), FrameError> {
        if received > self.next {
            return Err(FrameError);
        }
        while let Some((_, piece)) = self.kept.front_mut() {
            let length = piece.len() as u64;
            let left = received.saturating_sub(self.start);
            if left == 0 {
                break;
            }
            let taken = left.min(length);
            self.start += taken;
            self.held -= taken;
            if taken == length {
                self.kept.pop_front();
            } else {
                let taken = usize::try_from(taken).map_err(|_| FrameError)?;
                piece.advance(taken);
            }
        }
        Ok(())
    }

    /// A new connection: the other side has `received` bytes, the rest is sent again.
    ///
    /// # Errors
    /// When it cannot be gone on from there.
    pub fn resume(&mut self, received: u64) -> Result<(), FrameError> {
        if received < self.start || received > self.start + self.held {
            return Err(FrameError);
        }
        // It may have taken what was never acknowledged.
        self.next = self.next.max(received);
        self.acknowledge(received)?;
        self.next = self.start;
        Ok(())
    }
}

/// How far the other side's stream was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// Bytes taken.
    pub received: u64,
    /// The mark of the last of them.
    pub mark: u64,
}

impl Incoming {
    /// Takes data: the part of it that is new.
    ///
    /// # Errors
    /// When something before it is missing.
    pub fn accept(&mut self, offset: u64, mark: u64, bytes: &Bytes) -> Result<Bytes, FrameError> {
        let known = self.received.checked_sub(offset).ok_or(FrameError)?;
        let known = usize::try_from(known).map_err(|_| FrameError)?;
        if known >= bytes.len() {
            return Ok(Bytes::new());
        }
        let new = bytes.slice(known..);
        self.received += new.len() as u64;
        self.mark = mark;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames() -> impl Strategy<Value = Frame> {
        prop_oneof![
            (any::<u64>(), any::<u64>())
                .prop_map(|(received, mark)| Frame::Hello { received, mark }),
            (
                any::<u64>(),
                any::<u64>(),
                proptest::collection::vec(any::<u8>(), 0..100)
            )
                .prop_map(|(offset, mark, bytes)| Frame::Data {
                    offset,
                    mark,
                    bytes: bytes.into()
                }),
            (any::<u64>(), any::<bool>())
                .prop_map(|(received, shown)| Frame::Ack { received, shown }),
            (any::<u16>(), any::<u16>()).prop_map(|(rows, cols)| Frame::Resize { rows, cols }),
            any::<i32>().prop_map(|status| Frame::Exit { status }),
        ]
    }

    proptest! {
        #[test]
        fn frames_are_read_back(frame in frames()) {
            prop_assert_eq!(Frame::decode(frame.encode()), Ok(frame));
        }

        #[test]
        fn any_message_is_read_or_refused(message in proptest::collection::vec(any::<u8>(), 0..64)) {
            let message = Bytes::from(message);
            if let Ok(frame) = Frame::decode(message.clone()) {
                prop_assert_eq!(frame.encode(), message);
            }
        }

        /// Connections break anywhere, acknowledgements are lost, and still every byte
        /// arrives once and in order.
        #[test]
        fn nothing_is_lost_or_doubled(
            pieces in proptest::collection::vec(1_usize..2000, 1..20),
            steps in proptest::collection::vec(0_u8..8, 0..200),
        ) {
            let mut out = Outgoing::default();
            let mut incoming = Incoming::default();
            let mut sent = Vec::new();
            let mut taken = Vec::new();
            let mut under_way = std::collections::VecDeque::new();
            let mut pieces = pieces.into_iter();
            let mut receive = |frame: Frame, incoming: &mut Incoming| {
                if let Frame::Data { offset, mark, bytes } = frame {
                    taken.extend_from_slice(&incoming.accept(offset, mark, &bytes).unwrap());
                }
            };
            for step in steps {
                match step {
                    0 | 1 => if let Some(length) = pieces.next() {
                        let bytes: Vec<u8> = (0..length).map(|n| (n + sent.len()).to_le_bytes()[0]).collect();
                        sent.extend_from_slice(&bytes);
                        out.push(sent.len() as u64, bytes.into());
                    },
                    2 | 3 => under_way.extend(out.take()),
                    4 | 5 => if let Some(frame) = under_way.pop_front() {
                        receive(frame, &mut incoming);
                    },
                    6 => out.acknowledge(incoming.received).unwrap(),
                    _ => {
                        under_way.clear();
                        out.resume(incoming.received).unwrap();
                    }
                }
            }
            for frame in under_way {
                receive(frame, &mut incoming);
            }
            while let Some(frame) = out.take() {
                receive(frame, &mut incoming);
            }
            prop_assert_eq!(taken, sent);
        }
    }

    #[test]
    fn impossible_places_are_refused() {
        let mut out = Outgoing::default();
        out.push(0, Bytes::from_static(b"abc"));
        assert!(out.acknowledge(1).is_err(), "nothing was sent yet");
        assert!(out.resume(4).is_err());
        assert!(out.take().is_some());
        assert_eq!(out.acknowledge(2), Ok(()));
        assert!(out.resume(1).is_err(), "it is not kept any more");
        let mut incoming = Incoming::default();
        assert!(incoming.accept(1, 0, &Bytes::from_static(b"x")).is_err());
    }
}
