//! Health, readiness, metrics and the OpenAPI document.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{ApiError, ApiResult};
use crate::app::SharedApp;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = OK)))]
async fn healthz() -> axum::Json<Value> {
    axum::Json(json!({"status": "ok"}))
}

/// The process can serve: the database answers and it is not draining.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = OK), (status = SERVICE_UNAVAILABLE)))]
async fn readyz(State(app): State<SharedApp>) -> ApiResult<axum::Json<Value>> {
    if app.shutdown.is_cancelled() {
        return Err(ApiError::unavailable("The server is shutting down."));
    }
    app.store.ping().await?;
    Ok(axum::Json(
        json!({"status": "ok", "database": app.store.kind()}),
    ))
}

/// Prometheus metrics.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = OK, content_type = "text/plain")))]
async fn metrics(State(app): State<SharedApp>) -> impl IntoResponse {
    app.metrics
        .set_gauges(app.agents.count(), app.events.count());
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        app.metrics.render(),
    )
}
