//! Drives the real agent against a small control plane inside the test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod connection;
mod control_plane;
mod execution;
mod host;
mod internal;
mod orders;
mod registration;
mod reports;
