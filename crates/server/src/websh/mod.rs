//! Websh: terminals on managed servers, shared and recorded.
//!
//! The agent and each user connect here and never to each other ([`channel`]). One task
//! for each session ([`relay`]) takes what the terminal shows, has it recorded
//! ([`recorder`]) and only then shows it to the users ([`screen`], [`viewer`]). Whoever
//! may no longer ends within a second ([`clock`]).

mod cast;
mod channel;
mod clock;
mod end;
mod hub;
mod link;
mod open;
mod recorder;
mod relay;
mod routes;
mod screen;
mod share;
mod transcript;
mod view;
mod viewer;

pub(crate) use channel::websocket_routes;
pub(crate) use clock::run as run_clock;
pub(crate) use hub::Hub;
pub(crate) use relay::revive;
pub(crate) use routes::routes;
pub(crate) use view::{recording_item, timeline_item};
