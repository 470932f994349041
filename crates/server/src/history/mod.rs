//! What hosts report beside commands: events of their agents, logs, logins that
//! went around us, measurements.

mod agent_event;
mod local_access;
mod log;
mod metrics;
mod routes;
mod text;

use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .merge(routes::routes())
        .merge(metrics::routes())
}
