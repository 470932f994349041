//! Many byte streams over one byte pipe: smux, wire-exact (`realtime-client.md` §5).
//!
//! [`Session::new`] gives a handle and a [`Driver`]. The handle opens and accepts
//! streams; the driver, run by its owner as one task, is all that touches the pipe.
//! A pipe is anything that yields and takes [`bytes::Bytes`]: a WebSocket with one
//! frame in each message, or a socket through [`pipe`].
//!
//! Version 1 is what public peers speak. It has no window for a single stream, so a
//! reader that stalls may in the end stall its session. Version 2 has one. Which is
//! spoken is agreed upon outside the pipe; see [`Config`].
//!
//! Everything is bounded: what one stream may queue in either direction, what a
//! session may hold unread, streams that nobody accepted, answers that the peer does
//! not read. A bound that is reached stops the reading of the pipe, never grows memory.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod chunk;
mod config;
mod driver;
mod error;
pub mod frame;
mod inbox;
mod pipe;
mod session;
mod slot;
mod state;
mod stream;

pub use chunk::Chunk;
pub use config::{Config, Role};
pub use driver::Driver;
pub use error::{Error, Violation};
pub use pipe::{Pipe, pipe};
pub use session::Session;
pub use stream::{RecvHalf, SendHalf, Stream};
