//! Tunnels: bytes between a client and a port on a managed server's loopback address.
//!
//! Both sides dial in ([`crate::rendezvous`]) and speak smux to us, never to each
//! other: the client opens streams, we read what each one asks for, and open one like
//! it towards the agent ([`stream`]). So the approved port is enforced here, and
//! connections are recorded ([`record`]).

mod channel;
mod end;
mod kind;
mod leg;
mod open;
mod pipe;
mod preamble;
mod record;
mod relay;
mod routes;
mod stream;
mod view;

pub(crate) use channel::websocket_routes;
pub(crate) use end::End;
pub(crate) use kind::Tunnels;
pub(crate) use routes::routes;
pub(crate) use view::timeline_item;
