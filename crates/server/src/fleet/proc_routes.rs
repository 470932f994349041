//! Routes of the nine families of system information (`agent-control.md` §8.4).

use axum::Json;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::agent_routes::INVENTORY_LIMIT;
use super::category::Category;
use super::inventory::{self, Write};
use crate::app::SharedApp;
use crate::http::{AgentCtx, ApiError, ApiResult, Body, Id};

/// The fingerprint of the category that a write brings about.
const HASH_HEADER: &str = "x-sync-hash";

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(single))
        .routes(routes!(list))
        .routes(routes!(create))
        .routes(routes!(update, remove))
        .layer(DefaultBodyLimit::max(INVENTORY_LIMIT))
}

fn hash(headers: &HeaderMap) -> Option<&str> {
    headers.get(HASH_HEADER)?.to_str().ok()
}

/// The one object of a category; 404 where there is none yet.
#[utoipa::path(get, path = "/api/proc/{category}/-/sync/", tag = "agents",
    params(("category" = String, Path)), responses((status = OK), (status = NOT_FOUND)))]
async fn single(ctx: AgentCtx, Id(category): Id<Category>) -> ApiResult<Response> {
    if !category.is_single() {
        return Err(ApiError::not_found());
    }
    let rows = inventory::rows(&ctx, category).await?;
    let row = rows.into_iter().next().ok_or_else(ApiError::not_found)?;
    Ok(Json(row).into_response())
}

/// The rows of a category, a bare array.
#[utoipa::path(get, path = "/api/proc/{category}/sync/", tag = "agents",
    params(("category" = String, Path)), responses((status = OK), (status = NOT_FOUND)))]
async fn list(ctx: AgentCtx, Id(category): Id<Category>) -> ApiResult<Json<Vec<Value>>> {
    if category.is_single() {
        return Err(ApiError::not_found());
    }
    inventory::rows(&ctx, category).await.map(Json)
}

/// Add one object or an array of them.
#[utoipa::path(post, path = "/api/proc/{category}/", tag = "agents",
    params(("category" = String, Path)), responses((status = OK)))]
async fn create(
    ctx: AgentCtx,
    Id(category): Id<Category>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    inventory::write(&ctx, category, Write::Put(body), hash(&headers)).await?;
    Ok(Json(json!({})))
}

/// Replace one object. One that is gone is no error.
#[utoipa::path(patch, path = "/api/proc/{category}/{row}/", tag = "agents",
    params(("category" = String, Path), ("row" = String, Path)), responses((status = OK)))]
async fn update(
    ctx: AgentCtx,
    Path((category, row)): Path<(String, String)>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<Json<Value>> {
    let (category, row) = parse(&category, &row)?;
    inventory::write(&ctx, category, Write::Update(row, body), hash(&headers)).await?;
    Ok(Json(json!({})))
}

/// Delete one object. One that is gone is no error.
#[utoipa::path(delete, path = "/api/proc/{category}/{row}/", tag = "agents",
    params(("category" = String, Path), ("row" = String, Path)), responses((status = OK)))]
async fn remove(
    ctx: AgentCtx,
    Path((category, row)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Json<Value>> {
    let (category, row) = parse(&category, &row)?;
    inventory::write(&ctx, category, Write::Delete(row), hash(&headers)).await?;
    Ok(Json(json!({})))
}

fn parse(category: &str, row: &str) -> ApiResult<(Category, uuid::Uuid)> {
    let category = category.parse().map_err(|_| ApiError::not_found())?;
    let row = row.parse().map_err(|_| ApiError::not_found())?;
    Ok((category, row))
}
