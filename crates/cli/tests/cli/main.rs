//! Drives the real program against a small server that speaks the real protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod browser;
mod config;
mod edit;
mod environment;
mod events;
mod exec;
mod exec_stream;
mod fake;
mod fake_files;
mod files;
mod gate;
mod groups;
mod help;
mod judge;
mod login;
mod oauth;
mod robustness;
mod servers;
mod tls;
mod tokens;
mod usage;
mod username;
mod users;
mod work_sessions;
mod workspaces;
