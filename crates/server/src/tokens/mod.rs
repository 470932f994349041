//! API tokens of people, and the lists that bound what each may do.

mod acl;
mod acl_routes;
mod owner;
mod routes;
mod scope;
mod token;

use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .merge(routes::routes())
        .merge(acl_routes::routes())
}
