//! The connections of agents: who is on line, and how orders reach them.

mod backhaul;
mod control;
mod hub;
mod order;

pub(crate) use hub::{Connection, Hub};
pub(crate) use order::{cancel_message, command_message};

use axum::Router;
use axum::routing::any;
use protocol::agent::{BACKHAUL_PATH, CONTROL_PATH};
use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;

/// REST routes that agents call about commands live with the commands; those
/// about themselves with the fleet.
pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
}

pub(crate) fn websocket_routes() -> Router<SharedApp> {
    Router::new()
        .route(BACKHAUL_PATH, any(backhaul::upgrade))
        .route(CONTROL_PATH, any(control::upgrade))
}
