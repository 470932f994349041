//! Routes of applications.

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::application::{Application, CreateApplication};
use protocol::id::ApplicationId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::application;
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, change, delete))
}

/// What the list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ApplicationFilter {
    /// Exact name.
    name: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Applications.
#[utoipa::path(get, path = "/api/auth/applications/", tag = "auth",
    operation_id = "list_applications", params(ApplicationFilter, PageParams),
    responses((status = OK, body = Page<Application>)))]
async fn list(
    ctx: Ctx,
    Params(filter): Params<ApplicationFilter>,
) -> ApiResult<Json<Page<Application>>> {
    let paging = filter.paging.paging()?;
    let (rows, count) = application::list(&ctx, filter.name.as_deref(), paging).await?;
    let rows = rows.iter().map(application::view).collect();
    Ok(Json(page(rows, count, paging)))
}

/// Create an application.
#[utoipa::path(post, path = "/api/auth/applications/", tag = "auth",
    operation_id = "create_application", request_body = CreateApplication,
    responses((status = CREATED, body = Application), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateApplication>,
) -> ApiResult<(StatusCode, Json<Application>)> {
    let row = application::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(application::view(&row))))
}

/// An application.
#[utoipa::path(get, path = "/api/auth/applications/{id}/", tag = "auth",
    operation_id = "show_application", params(("id" = ApplicationId, Path)),
    responses((status = OK, body = Application), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<ApplicationId>) -> ApiResult<Json<Application>> {
    let row = application::find(&ctx, id).await?;
    Ok(Json(application::view(&row)))
}

/// Change an application; `is_active` false locks it and ends its work.
#[utoipa::path(patch, path = "/api/auth/applications/{id}/", tag = "auth",
    operation_id = "change_application", params(("id" = ApplicationId, Path)),
    request_body = Application,
    responses((status = OK, body = Application), (status = NOT_FOUND)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<ApplicationId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<Application>> {
    let row = application::change(&ctx, id, &document).await?;
    Ok(Json(application::view(&row)))
}

/// Delete an application with its tokens and what trusts it.
#[utoipa::path(delete, path = "/api/auth/applications/{id}/", tag = "auth",
    operation_id = "delete_application", params(("id" = ApplicationId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<ApplicationId>) -> ApiResult<StatusCode> {
    application::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
