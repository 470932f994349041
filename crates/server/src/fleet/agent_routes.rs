//! Routes of agents about themselves (`agent-control.md` §4.3, §5.4, §8).

use axum::Json;
use axum::extract::DefaultBodyLimit;
use http::StatusCode;
use protocol::agent::{AccessPolicy, SyncCheck, SyncRequired};
use protocol::id::ServerId;
use protocol::server::Server;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{inventory, register, view};
use crate::app::SharedApp;
use crate::http::{AgentCtx, ApiResult, Body, Id};

/// A commit carries all accounts of a host.
pub(super) const INVENTORY_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    let large = OpenApiRouter::new()
        .routes(routes!(commit))
        .layer(DefaultBodyLimit::max(INVENTORY_LIMIT));
    OpenApiRouter::new()
        .routes(routes!(own_server))
        .routes(routes!(sync))
        .routes(routes!(sync_check))
        .routes(routes!(status))
        .routes(routes!(access_policy))
        .routes(routes!(unregister_self))
        .routes(routes!(unregister))
        .merge(large)
}

/// The agent's own server; says whether its first commit has arrived.
#[utoipa::path(get, path = "/api/servers/servers/-/", tag = "agents",
    responses((status = OK, body = Server), (status = UNAUTHORIZED)))]
async fn own_server(ctx: AgentCtx) -> ApiResult<Json<Server>> {
    view::own(&ctx).await.map(Json)
}

/// Commit: what the host is.
#[utoipa::path(put, path = "/api/servers/servers/-/commit/", tag = "agents",
    responses((status = OK)))]
async fn commit(ctx: AgentCtx, Body(body): Body<Map<String, Value>>) -> ApiResult<Json<Value>> {
    inventory::commit(&ctx, body).await?;
    Ok(Json(json!({})))
}

/// The head of a synchronisation.
#[utoipa::path(patch, path = "/api/servers/servers/-/sync/", tag = "agents",
    responses((status = OK)))]
async fn sync(ctx: AgentCtx, Body(body): Body<Map<String, Value>>) -> ApiResult<Json<Value>> {
    inventory::sync(&ctx, &body).await?;
    Ok(Json(json!({})))
}

/// Which categories have to be sent.
#[utoipa::path(post, path = "/api/servers/servers/-/sync-check/", tag = "agents",
    request_body = SyncCheck, responses((status = OK, body = SyncRequired)))]
async fn sync_check(ctx: AgentCtx, Body(check): Body<SyncCheck>) -> ApiResult<Json<SyncRequired>> {
    inventory::sync_check(&ctx, &check).await.map(Json)
}

/// Heartbeat. The backhaul says more about who is here, so nothing is stored.
#[utoipa::path(patch, path = "/api/servers/servers/-/status/", tag = "agents",
    responses((status = OK)))]
async fn status(_ctx: AgentCtx) -> Json<Value> {
    Json(json!({}))
}

/// What the agent does about work that goes around us.
#[utoipa::path(get, path = "/api/servers/servers/-/access-policy/", tag = "agents",
    responses((status = OK, body = AccessPolicy)))]
async fn access_policy(ctx: AgentCtx) -> Json<AccessPolicy> {
    let settings = &ctx.workspace.settings;
    Json(AccessPolicy {
        block_local_sudo: settings.block_local_sudo,
        detect_local_access: settings.detect_local_access,
    })
}

/// Remove the calling agent's server.
#[utoipa::path(delete, path = "/api/servers/servers/-/unregister/", tag = "agents",
    responses((status = NO_CONTENT)))]
async fn unregister_self(ctx: AgentCtx) -> ApiResult<StatusCode> {
    register::unregister(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove the calling agent's server, named by its id.
#[utoipa::path(delete, path = "/api/servers/servers/{id}/unregister/", tag = "agents",
    params(("id" = ServerId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn unregister(ctx: AgentCtx, Id(id): Id<ServerId>) -> ApiResult<StatusCode> {
    register::check_own(&ctx, id)?;
    register::unregister(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}
