//! Routes of groups (`rest-identity.md` §17.3).

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::iam::{CreateGroup, Group};
use protocol::id::GroupId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::group::{self, SOURCE};
use super::group_view;
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, change, delete))
}

/// What the group list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct GroupFilter {
    /// Exact name.
    name: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Groups by name.
#[utoipa::path(get, path = "/api/iam/groups/", tag = "iam", params(GroupFilter, PageParams),
    responses((status = OK, body = Page<Group>)))]
async fn list(ctx: Ctx, Params(filter): Params<GroupFilter>) -> ApiResult<Json<Page<Group>>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let paging = filter.paging.paging()?;
    let name = filter.name.as_deref();
    let (rows, count) = ctx.tenant().identity().groups(name, paging).await?;
    let groups = group_view::groups(&ctx, &rows).await?;
    Ok(Json(page(groups, count, paging)))
}

/// A group.
#[utoipa::path(get, path = "/api/iam/groups/{id}/", tag = "iam", params(("id" = GroupId, Path)),
    responses((status = OK, body = Group), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<GroupId>) -> ApiResult<Json<Group>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let row = ctx
        .tenant()
        .identity()
        .group(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    group_view::group(&ctx, &row).await.map(Json)
}

/// Create a group, with servers that the caller sees.
#[utoipa::path(post, path = "/api/iam/groups/", tag = "iam", request_body = CreateGroup,
    responses((status = CREATED, body = Group), (status = FORBIDDEN), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateGroup>,
) -> ApiResult<(StatusCode, Json<Group>)> {
    let row = group::create(&ctx, request).await?;
    let group = group_view::group(&ctx, &row).await?;
    Ok((StatusCode::CREATED, Json(group)))
}

/// Change a group. Takes the whole document as it was read; the name stays.
#[utoipa::path(patch, path = "/api/iam/groups/{id}/", tag = "iam",
    params(("id" = GroupId, Path)), request_body = Group,
    responses((status = OK, body = Group), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<GroupId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<Group>> {
    let row = group::change(&ctx, id, &document).await?;
    group_view::group(&ctx, &row).await.map(Json)
}

/// Delete a group.
#[utoipa::path(delete, path = "/api/iam/groups/{id}/", tag = "iam",
    params(("id" = GroupId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<GroupId>) -> ApiResult<StatusCode> {
    group::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
