//! Applications: programs with access of their own, by service tokens. An application
//! is nobody: it has no account, no group and no privileges, and what it may do on
//! servers is what the rules of its token name.

mod application;
mod manager;
mod routes;
mod service_token;
mod token_routes;

use utoipa_axum::router::OpenApiRouter;

pub(crate) use manager::require_manager;
pub(crate) use service_token::{end_issued, forget};

use crate::app::SharedApp;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .merge(routes::routes())
        .merge(token_routes::routes())
}

/// What applications may be given scopes for, whatever a scope says. People, their
/// groups and what lets servers in are for people.
const RESOURCES: [&str; 16] = [
    "command",
    "downloaded_file",
    "editor",
    "event",
    "event_session",
    "event_subscription",
    "ftp_session",
    "metric",
    "proc",
    "server",
    "session",
    "tunnel",
    "tunnel_session",
    "uploaded_file",
    "webftp",
    "websh",
];

/// Whether an application can hold a scope for `resource` at all.
pub(crate) fn may_hold(resource: &str) -> bool {
    RESOURCES.contains(&resource)
}

#[cfg(test)]
mod tests {
    use super::may_hold;

    #[test]
    fn identity_is_for_people() {
        assert!(may_hold("command"));
        for resource in [
            "user",
            "group",
            "membership",
            "registration_token",
            "registration_method",
            "workspace",
            "activity",
            "*",
            "",
        ] {
            assert!(!may_hold(resource), "{resource}");
        }
    }
}
