//! Measurements (`agent-channels.md` §9).
//!
//! Agents are told to collect nothing but a heartbeat: this version keeps no
//! measurements. Those of an agent that still sends some, from its own queue, are
//! read, bounded and let go; a refusal would hold up the reports behind them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::SharedApp;
use crate::http::{AgentCtx, ApiError, ApiResult};

/// One report has an element per device or interface.
const LIMIT: usize = 1024 * 1024;
/// Seconds between heartbeats.
const HEARTBEAT: u64 = 60;
const PERIODS: [&str; 3] = ["realtime", "hourly", "daily"];
const KINDS: [&str; 5] = ["cpu", "memory", "disk-usage", "disk-io", "traffic"];

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(config))
        .routes(routes!(report))
        .routes(routes!(alert))
        .layer(DefaultBodyLimit::max(LIMIT))
}

/// What the agent's collector shall do. One unknown type would turn it off, and a
/// missing answer makes a public agent crash later.
#[utoipa::path(get, path = "/api/metrics/config/", tag = "agents", responses((status = OK)))]
async fn config(_ctx: AgentCtx) -> Json<Value> {
    Json(json!([{"type": "status", "interval": HEARTBEAT}]))
}

/// Measurements; not kept.
#[utoipa::path(post, path = "/api/metrics/{period}/{kind}/", tag = "agents",
    params(("period" = String, Path), ("kind" = String, Path)),
    responses((status = OK), (status = NOT_FOUND)))]
async fn report(
    _ctx: AgentCtx,
    Path((period, kind)): Path<(String, String)>,
    _body: Bytes,
) -> ApiResult<Json<Value>> {
    if !PERIODS.contains(&period.as_str()) || !KINDS.contains(&kind.as_str()) {
        return Err(ApiError::not_found());
    }
    Ok(Json(json!({})))
}

/// Asks for alert rules to be evaluated, of which there are none.
#[utoipa::path(post, path = "/api/metrics/alert-rules/check/", tag = "agents",
    responses((status = OK)))]
async fn alert(_ctx: AgentCtx, _body: Bytes) -> Json<Value> {
    Json(json!({}))
}
