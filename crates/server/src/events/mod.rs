//! Events for clients: sessions, subscriptions, the event channel.

mod channel;
mod hub;
mod routes;

pub(crate) use channel::websocket_routes;
pub(crate) use hub::EventHub;
pub(crate) use routes::routes;
