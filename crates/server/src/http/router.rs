//! All routes, gathered from the nouns.

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;

use super::{ApiError, health, middleware};
use crate::app::SharedApp;
use crate::{
    agents, applications, approvals, audit, commands, events, federation, fleet, history, iam,
    identity, locks, mfa, notifications, oauth, onboarding, pages, programs, sudo, tokens,
    transfers, trust, tunnels, webftp, websh, work_sessions, workspace,
};

#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Alpacon", description = "The control plane's REST API."))]
struct Document;

fn documented() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(health::routes())
        .merge(identity::routes())
        .merge(oauth::routes())
        .merge(iam::routes())
        .merge(mfa::routes())
        .merge(workspace::routes())
        .merge(tokens::routes())
        .merge(applications::routes())
        .merge(trust::routes())
        .merge(federation::routes())
        .merge(locks::routes())
        .merge(onboarding::routes())
        .merge(fleet::routes())
        .merge(work_sessions::routes())
        .merge(commands::routes())
        .merge(tunnels::routes())
        .merge(websh::routes())
        .merge(webftp::routes())
        .merge(transfers::routes())
        .merge(events::routes())
        .merge(audit::routes())
        .merge(history::routes())
        .merge(sudo::routes())
        .merge(approvals::routes())
        .merge(notifications::routes())
}

/// The OpenAPI document.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}

/// The service.
pub(crate) fn router(app: &SharedApp) -> Router {
    let (router, document) = documented().split_for_parts();
    let document = axum::Json(document);
    let router = router
        .merge(agents::websocket_routes())
        .merge(events::websocket_routes())
        .merge(tunnels::websocket_routes())
        .merge(websh::websocket_routes())
        .merge(webftp::websocket_routes())
        .merge(pages::routes())
        .merge(approvals::page_routes())
        .merge(programs::page_routes())
        .merge(notifications::chat_routes())
        .merge(mfa::page_routes())
        .merge(oauth::protocol_routes())
        .merge(onboarding::page_routes())
        .merge(federation::page_routes())
        .route("/api/openapi.json", get(async move || document))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(async || {
            ApiError::new(
                http::StatusCode::METHOD_NOT_ALLOWED,
                "This method is not allowed here.",
            )
        });
    middleware::wrap(router, app).with_state(app.clone())
}
