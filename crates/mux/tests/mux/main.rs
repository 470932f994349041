//! The multiplexer with both sides running, and beside the public one.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

mod limits;
mod pair;
mod public_peer;
mod streams;
