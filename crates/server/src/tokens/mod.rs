//! API tokens of people, and the lists that bound what each may do.

mod acl;
mod acl_routes;
mod change;
mod owner;
mod routes;
mod scope;
mod token;

use utoipa_axum::router::OpenApiRouter;

use crate::app::SharedApp;

pub(crate) use change::wanted as wanted_change;
pub(crate) use scope::checked as checked_scopes;
pub(crate) use token::{SOURCE, check_end, copy_name, name as checked_name, scopes as scopes_of};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .merge(routes::routes())
        .merge(acl_routes::routes())
}
