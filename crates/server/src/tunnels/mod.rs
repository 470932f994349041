//! Tunnels: bytes between a client and a port on a managed server's loopback address.
//!
//! Both sides dial in and speak smux to us, never to each other: the client opens
//! streams, we read what each one asks for, and open one like it towards the agent
//! ([`stream`]). So the approved port is enforced here, connections are recorded
//! ([`record`]), and whoever may no longer ends within a second ([`clock`]).

mod channel;
mod clock;
mod end;
mod hub;
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
pub(crate) use clock::run as run_clock;
pub(crate) use end::End;
pub(crate) use hub::Hub;
pub(crate) use routes::routes;
pub(crate) use view::timeline_item;
