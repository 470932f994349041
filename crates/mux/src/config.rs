//! What a session may use, and which dialect it speaks.

use std::time::Duration;

use crate::frame::Version;

/// Which ids a side gives to the streams it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Odd ones from 3.
    Client,
    /// Even ones from 2.
    Server,
}

/// What a session may use, and which dialect it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Protocol version, agreed upon outside the pipe.
    pub version: Version,
    /// Whether the peer knows the frame that gives a stream up in both directions.
    /// Our own addition to version 2.
    pub resets: bool,
    /// Bytes that a peer may send on a stream before it heard of our window. Both
    /// sides must hold the same; 262,144 in public version 2.
    pub initial_window: u32,
    /// The largest window we announce, bytes. It shrinks with the number of streams.
    pub max_window: u32,
    /// Unread bytes of all streams together, beyond which the pipe is not read.
    pub receive_buffer: usize,
    /// Unsent bytes of one stream, beyond which its writer waits.
    pub send_buffer: usize,
    /// Longest payload we send, bytes.
    pub max_frame: usize,
    /// Streams open at once; more from the peer are refused.
    pub max_streams: usize,
    /// Streams that nobody accepted yet, beyond which the pipe is not read.
    pub accept_backlog: usize,
    /// Time between keep-alive frames of ours.
    pub keep_alive: Duration,
    /// A peer that sent no frame in a window of this length is gone.
    pub silence: Duration,
    /// A session whose buffer stays full for this long gives up the stream that
    /// holds most of it, so that the others go on.
    pub stall: Duration,
}

impl Config {
    /// As both public peers are set up.
    #[must_use]
    pub fn version_1() -> Self {
        Self {
            version: Version::V1,
            resets: false,
            initial_window: 262_144,
            max_window: 1024 * 1024,
            receive_buffer: 4 * 1024 * 1024,
            send_buffer: 128 * 1024,
            max_frame: 32 * 1024,
            max_streams: 4096,
            accept_backlog: 1024,
            keep_alive: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            stall: Duration::from_secs(10),
        }
    }

    /// Version 2 with resets and a small initial window: between programs of ours.
    #[must_use]
    pub fn version_2() -> Self {
        Self {
            version: Version::V2,
            resets: true,
            initial_window: 64 * 1024,
            receive_buffer: 16 * 1024 * 1024,
            ..Self::version_1()
        }
    }
}
