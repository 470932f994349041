//! Managed servers: registration, what their agents say about them, and what
//! people see and do.

mod action;
mod agent_routes;
mod category;
mod change;
mod guide;
mod inventory;
mod manage;
mod proc_routes;
mod refresh;
mod register;
mod registration_routes;
mod registration_token;
mod routes;
mod slug;
mod view;

use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;

pub(crate) use refresh::{run as run_clock, sync_all};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .merge(routes::routes())
        .merge(registration_routes::routes())
        .merge(agent_routes::routes())
        .merge(proc_routes::routes())
}
