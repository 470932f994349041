//! The file browser's channel (`agent-channels.md` §3): a dialogue between a client
//! and a worker on a host, one request after the other.
//!
//! Both sides dial in ([`crate::rendezvous`]) and speak to us, never to each other:
//! every request is read here ([`judge`]), judged by the file rules, recorded, and only
//! then put to the host ([`relay`]).

mod channel;
mod end;
mod judge;
mod kind;
mod open;
mod record;
mod relay;
mod routes;

pub(crate) use channel::websocket_routes;
pub(crate) use kind::FileBrowsers;
pub(crate) use routes::routes;
