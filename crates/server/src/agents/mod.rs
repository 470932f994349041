//! The connections of agents: who is on line, and how orders reach them.

mod backhaul;
mod control;
mod hub;
mod order;

pub(crate) use hub::{Connection, Hub};
pub(crate) use order::{answer_message, cancel_message, command_message};

use axum::Router;
use axum::routing::any;
use protocol::agent::{BACKHAUL_PATH, CONTROL_PATH};

use crate::app::SharedApp;

/// What agents call over REST lives with its noun: commands, fleet, history.
pub(crate) fn websocket_routes() -> Router<SharedApp> {
    Router::new()
        .route(BACKHAUL_PATH, any(backhaul::upgrade))
        .route(CONTROL_PATH, any(control::upgrade))
}
