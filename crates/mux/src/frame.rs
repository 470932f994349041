//! Frames on the wire: an 8-byte header, little-endian, and a payload.

use bytes::{BufMut as _, Bytes, BytesMut};

use crate::Violation;

/// Bytes of a header.
pub const HEADER: usize = 8;
/// Bytes of an UPD payload.
const UPDATE: usize = 8;
const UPDATE_LENGTH: u16 = 8;

/// Protocol version, the first byte of each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Without windows.
    V1 = 1,
    /// With a window for each stream.
    V2 = 2,
}

const SYN: u8 = 0;
const FIN: u8 = 1;
const PSH: u8 = 2;
const NOP: u8 = 3;
const UPD: u8 = 4;
/// Ours: the sender gives the stream up in both directions.
const RST: u8 = 5;

/// What a frame says. Data may arrive in pieces; each piece is an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer opens a stream.
    Syn(u32),
    /// The peer sends no more on a stream.
    Fin(u32),
    /// Data of a stream, not empty.
    Data(u32, Bytes),
    /// The peer is alive.
    Nop,
    /// The peer's window of a stream: bytes it consumed so far, modulo 2³², and
    /// bytes it takes beyond those.
    Update {
        /// Which stream.
        stream: u32,
        /// Bytes consumed.
        consumed: u32,
        /// Bytes taken beyond.
        window: u32,
    },
    /// The peer gave a stream up.
    Reset(u32),
}

/// Makes frames of one version.
#[derive(Clone, Copy, Debug)]
pub struct Encoder(pub Version);

impl Encoder {
    /// Opens a stream.
    #[must_use]
    pub fn syn(self, stream: u32) -> Bytes {
        self.bare(SYN, stream)
    }

    /// Ends our data on a stream.
    #[must_use]
    pub fn fin(self, stream: u32) -> Bytes {
        self.bare(FIN, stream)
    }

    /// Says that we are alive.
    #[must_use]
    pub fn nop(self) -> Bytes {
        self.bare(NOP, 0)
    }

    /// Gives a stream up.
    #[must_use]
    pub fn reset(self, stream: u32) -> Bytes {
        self.bare(RST, stream)
    }

    /// Tells our window of a stream.
    #[must_use]
    pub fn update(self, stream: u32, consumed: u32, window: u32) -> Bytes {
        let mut frame = BytesMut::with_capacity(HEADER + UPDATE);
        frame.put_slice(&self.header(UPD, UPDATE_LENGTH, stream));
        frame.put_u32_le(consumed);
        frame.put_u32_le(window);
        frame.freeze()
    }

    /// The header of a data frame. Longer payloads than 65,535 bytes do not exist.
    #[must_use]
    pub fn data_header(self, length: u16, stream: u32) -> [u8; HEADER] {
        self.header(PSH, length, stream)
    }

    fn bare(self, command: u8, stream: u32) -> Bytes {
        Bytes::copy_from_slice(&self.header(command, 0, stream))
    }

    fn header(self, command: u8, length: u16, stream: u32) -> [u8; HEADER] {
        let [l0, l1] = length.to_le_bytes();
        let [s0, s1, s2, s3] = stream.to_le_bytes();
        [self.0 as u8, command, l0, l1, s0, s1, s2, s3]
    }
}

/// Reads frames out of a byte stream, wherever it is cut.
#[derive(Debug)]
pub struct Decoder {
    version: Version,
    resets: bool,
    /// Header, and for UPD the payload too, as far as they are here.
    head: [u8; HEADER + UPDATE],
    filled: usize,
    wanted: usize,
    /// Stream and missing bytes of a data frame whose header was read.
    body: Option<(u32, usize)>,
}

impl Decoder {
    /// A decoder at a frame's first byte.
    #[must_use]
    pub fn new(version: Version, resets: bool) -> Self {
        Self {
            version,
            resets,
            head: [0; HEADER + UPDATE],
            filled: 0,
            wanted: HEADER,
            body: None,
        }
    }

    /// Takes the next event off `input`; `None` when more bytes are needed, and then
    /// `input` is empty.
    ///
    /// # Errors
    /// When the peer broke the protocol; the decoder is of no use then.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Event>, Violation> {
        loop {
            if let Some((stream, missing)) = self.body {
                if input.is_empty() {
                    return Ok(None);
                }
                let piece = input.split_to(missing.min(input.len()));
                let left = missing.saturating_sub(piece.len());
                self.body = (left > 0).then_some((stream, left));
                return Ok(Some(Event::Data(stream, piece)));
            }
            let taken = input.split_to(self.wanted.saturating_sub(self.filled).min(input.len()));
            for (byte, place) in taken.iter().zip(self.head.iter_mut().skip(self.filled)) {
                *place = *byte;
            }
            self.filled += taken.len();
            if self.filled < self.wanted {
                return Ok(None);
            }
            if let Some(event) = self.head_complete()? {
                return Ok(Some(event));
            }
        }
    }

    /// A header, or a header with its UPD payload, is complete.
    fn head_complete(&mut self) -> Result<Option<Event>, Violation> {
        let [version, command, l0, l1, s0, s1, s2, s3, payload @ ..] = self.head;
        let length = u16::from_le_bytes([l0, l1]);
        let stream = u32::from_le_bytes([s0, s1, s2, s3]);
        if version != self.version as u8 {
            return Err(Violation::Version(version));
        }
        let bare = |event| match length {
            0 => Ok(Some(event)),
            _ => Err(Violation::Length { command, length }),
        };
        let event = match command {
            SYN => bare(Event::Syn(stream))?,
            FIN => bare(Event::Fin(stream))?,
            NOP => bare(Event::Nop)?,
            RST if self.resets => bare(Event::Reset(stream))?,
            PSH => {
                self.body = (length > 0).then_some((stream, usize::from(length)));
                None
            }
            UPD if self.version == Version::V2 => {
                if length != UPDATE_LENGTH {
                    return Err(Violation::Length { command, length });
                }
                if self.filled == HEADER {
                    self.wanted = HEADER + UPDATE;
                    return Ok(None);
                }
                let [c0, c1, c2, c3, w0, w1, w2, w3] = payload;
                Some(Event::Update {
                    stream,
                    consumed: u32::from_le_bytes([c0, c1, c2, c3]),
                    window: u32::from_le_bytes([w0, w1, w2, w3]),
                })
            }
            unknown => return Err(Violation::Command(unknown)),
        };
        self.filled = 0;
        self.wanted = HEADER;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(decoder: &mut Decoder, bytes: &[u8]) -> Result<Vec<Event>, Violation> {
        let mut input = Bytes::copy_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(event) = decoder.next(&mut input)? {
            events.push(event);
        }
        assert!(input.is_empty());
        Ok(events)
    }

    /// The examples of the contract, byte for byte.
    #[test]
    fn the_contracts_vectors() {
        let encoder = Encoder(Version::V1);
        assert_eq!(encoder.syn(3)[..], [1, 0, 0, 0, 3, 0, 0, 0]);
        assert_eq!(encoder.fin(3)[..], [1, 1, 0, 0, 3, 0, 0, 0]);
        assert_eq!(encoder.nop()[..], [1, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encoder.data_header(23, 3), [1, 2, 0x17, 0, 3, 0, 0, 0]);
        let line = b"{\"remote_port\":\"8082\"}\n";
        let mut wire = vec![1, 0, 0, 0, 3, 0, 0, 0, 1, 2, 0x17, 0, 3, 0, 0, 0];
        wire.extend_from_slice(line);
        wire.extend_from_slice(&[1, 1, 0, 0, 3, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0]);
        let events = read(&mut Decoder::new(Version::V1, false), &wire).unwrap();
        assert_eq!(
            events,
            [
                Event::Syn(3),
                Event::Data(3, Bytes::from_static(line)),
                Event::Fin(3),
                Event::Nop
            ]
        );
    }

    #[test]
    fn violations_are_named() {
        let violation = |bytes: &[u8]| read(&mut Decoder::new(Version::V1, false), bytes);
        assert_eq!(violation(b"GET / HTTP"), Err(Violation::Version(b'G')));
        assert_eq!(
            violation(&[2, 3, 0, 0, 0, 0, 0, 0]),
            Err(Violation::Version(2))
        );
        for command in [UPD, RST, 6, 255] {
            assert_eq!(
                violation(&[1, command, 8, 0, 3, 0, 0, 0]),
                Err(Violation::Command(command))
            );
        }
        for command in [SYN, FIN, NOP] {
            assert_eq!(
                violation(&[1, command, 1, 0, 3, 0, 0, 0]),
                Err(Violation::Length { command, length: 1 })
            );
        }
        let update = [2, UPD, 7, 0, 3, 0, 0, 0];
        assert_eq!(
            read(&mut Decoder::new(Version::V2, false), &update),
            Err(Violation::Length {
                command: UPD,
                length: 7
            })
        );
    }

    #[test]
    fn windows_belong_to_version_2() {
        let frame = Encoder(Version::V2).update(4, 70_000, 262_144);
        let events = read(&mut Decoder::new(Version::V2, false), &frame).unwrap();
        assert_eq!(
            events,
            [Event::Update {
                stream: 4,
                consumed: 70_000,
                window: 262_144
            }]
        );
    }

    #[test]
    fn an_empty_data_frame_is_nothing() {
        let wire = [1, 2, 0, 0, 3, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0];
        let events = read(&mut Decoder::new(Version::V1, false), &wire).unwrap();
        assert_eq!(events, [Event::Nop]);
    }

    proptest! {
        /// Wherever the bytes are cut, the same frames come out.
        #[test]
        fn cuts_change_nothing(
            frames in prop::collection::vec((0u8..4, any::<u32>(), prop::collection::vec(any::<u8>(), 1..300)), 0..20),
            cuts in prop::collection::vec(1usize..40, 1..200),
        ) {
            let encoder = Encoder(Version::V1);
            let mut wire = Vec::new();
            let mut expected = Vec::new();
            for (kind, stream, data) in frames {
                match kind {
                    0 => { wire.extend_from_slice(&encoder.syn(stream)); expected.push(Event::Syn(stream)); }
                    1 => { wire.extend_from_slice(&encoder.fin(stream)); expected.push(Event::Fin(stream)); }
                    2 => { wire.extend_from_slice(&encoder.nop()); expected.push(Event::Nop); }
                    _ => {
                        let length = u16::try_from(data.len()).unwrap();
                        wire.extend_from_slice(&encoder.data_header(length, stream));
                        wire.extend_from_slice(&data);
                        expected.push(Event::Data(stream, data.into()));
                    }
                }
            }
            let mut decoder = Decoder::new(Version::V1, false);
            let mut events = Vec::new();
            let mut rest = &wire[..];
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap().min(rest.len()));
                events.extend(read(&mut decoder, piece).unwrap());
                rest = after;
            }
            // Pieces of one frame belong together; frames of the same stream that
            // follow each other are told apart by nobody.
            prop_assert_eq!(joined(events), joined(expected));
        }

        /// Any bytes: an error or events, never a panic, and never an endless loop.
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2000), v2: bool) {
            let version = if v2 { Version::V2 } else { Version::V1 };
            let _outcome = read(&mut Decoder::new(version, v2), &bytes);
        }
    }

    fn joined(events: Vec<Event>) -> Vec<Event> {
        let mut all: Vec<Event> = Vec::new();
        for event in events {
            if let Event::Data(stream, piece) = &event
                && let Some(Event::Data(last, data)) = all.last_mut()
                && last == stream
            {
                let mut both = BytesMut::from(&data[..]);
                both.extend_from_slice(piece);
                *data = both.freeze();
                continue;
            }
            all.push(event);
        }
        all
    }
}
