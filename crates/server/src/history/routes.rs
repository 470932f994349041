//! Routes of what hosts report, and of reading it.

use axum::Json;
use protocol::CursorPage;
use protocol::agent::{AgentEvent, LogRecord};
use protocol::audit::HistoryLog;
use protocol::id::ServerId;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::local_access::{self, LocalAccess};
use super::{agent_event, log};
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::{AgentCtx, ApiError, ApiResult, Body, Ctx, CursorParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(event))
        .routes(routes!(access))
        .routes(routes!(logs, add_log))
}

/// An agent started, or committed.
#[utoipa::path(post, path = "/api/events/events/", tag = "agents", request_body = AgentEvent,
    responses((status = OK)))]
async fn event(ctx: AgentCtx, Body(reported): Body<AgentEvent>) -> ApiResult<Json<Value>> {
    agent_event::receive(&ctx, reported).await?;
    Ok(Json(json!({})))
}

/// Somebody logged in on the host without us.
#[utoipa::path(post, path = "/api/events/access/", tag = "agents", request_body = LocalAccess,
    responses((status = OK)))]
async fn access(ctx: AgentCtx, Body(reported): Body<LocalAccess>) -> ApiResult<Json<Value>> {
    local_access::receive(&ctx, reported).await?;
    Ok(Json(json!({})))
}

/// A log record of a host.
#[utoipa::path(post, path = "/api/history/logs/", tag = "agents", request_body = LogRecord,
    responses((status = OK)))]
async fn add_log(ctx: AgentCtx, Body(record): Body<LogRecord>) -> ApiResult<Json<Value>> {
    log::receive(&ctx, record).await?;
    Ok(Json(json!({})))
}

/// Whose log to read.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct LogFilter {
    /// Server id.
    server: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    cursor: CursorParams,
}

/// Log records of a server, newest first.
#[utoipa::path(get, path = "/api/history/logs/", tag = "history",
    params(LogFilter, CursorParams),
    responses((status = OK, body = CursorPage<HistoryLog>), (status = NOT_FOUND)))]
async fn logs(
    ctx: Ctx,
    Params(filter): Params<LogFilter>,
) -> ApiResult<Json<CursorPage<HistoryLog>>> {
    ctx.principal.require_scope("server", "read")?;
    let server = optional_id::<ServerId>("server", filter.server.as_deref())?
        .ok_or_else(|| ApiError::field("history", "server", "The parameter server is required."))?;
    log::list(&ctx, server, &filter.cursor).await.map(Json)
}
