//! The wire contract as types: REST bodies, WebSocket messages, error codes and
//! typed ids, shared by the server, the agent and the CLI. No I/O happens here.
//!
//! Reading is lenient and writing is exact. A response type carries
//! `#[serde(default)]`, so an absent field reads as empty; the client drops
//! `null` members before decoding, because peers may send `null` for anything.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod agent;
pub mod application;
pub mod approval;
pub mod audit;
pub mod auth;
pub mod code;
pub mod command;
pub mod duration;
pub mod error;
pub mod event;
pub mod federation;
pub mod guard;
pub mod iam;
pub mod id;
pub mod lock;
pub mod mfa;
pub mod notification;
pub mod onboarding;
pub mod order;
pub mod page;
pub mod server;
pub mod sudo;
pub mod terminal;
pub mod token;
pub mod transfer;
pub mod trust;
pub mod tunnel;
pub mod webftp;
pub mod websh;
pub mod work_session;
pub mod workspace;

pub use error::ErrorBody;
pub use page::{CursorPage, Page};

/// Times on the wire: RFC 3339 with an offset; we always write UTC (`Z`).
pub type Time = chrono::DateTime<chrono::Utc>;
