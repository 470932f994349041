//! What goes wrong with sessions and streams.

use std::io;

/// What a peer did that the protocol forbids. Ends the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Another version, or not this protocol at all.
    #[error("frame of version {0}")]
    Version(u8),
    /// A command that this version does not have.
    #[error("unknown command {0}")]
    Command(u8),
    /// A payload where none belongs, or of the wrong size.
    #[error("payload of {length} bytes on command {command}")]
    Length {
        /// Its number.
        command: u8,
        /// As in the header.
        length: u16,
    },
    /// More data than the window that was announced.
    #[error("data beyond the window of stream {0}")]
    Window(u32),
}

/// Why a session, or one stream of it, is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The session was closed on this side.
    #[error("the session is closed")]
    Closed,
    /// The pipe ended.
    #[error("the connection ended")]
    Ended,
    /// The pipe failed.
    #[error("the connection failed: {0}")]
    Pipe(String),
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// Nothing was heard from the peer in time.
    #[error("the peer is silent")]
    Silent,
    /// As many streams as the configuration allows are open.
    #[error("too many streams are open")]
    TooManyStreams,
    /// The stream ids are used up; a new session has new ones.
    #[error("the stream ids are used up")]
    Exhausted,
    /// The peer gave this stream up, or it was given up because it held up others.
    #[error("the stream was reset")]
    Reset,
    /// The stream's sending side is closed already.
    #[error("the stream is closed for sending")]
    Finished,
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Reset => io::ErrorKind::ConnectionReset,
            Error::Finished => io::ErrorKind::BrokenPipe,
            Error::Silent => io::ErrorKind::TimedOut,
            Error::Violation(_) => io::ErrorKind::InvalidData,
            Error::Ended => io::ErrorKind::ConnectionAborted,
            Error::Closed | Error::Pipe(_) => io::ErrorKind::NotConnected,
            Error::TooManyStreams | Error::Exhausted => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
