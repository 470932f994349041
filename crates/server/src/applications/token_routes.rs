//! Routes of service tokens.

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::application::{CreateServiceToken, DuplicateServiceToken, ServiceToken};
use protocol::id::TokenId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service_token;
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, change, delete))
        .routes(routes!(duplicate))
}

/// What the list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ServiceTokenFilter {
    /// Application id.
    application: Option<String>,
    /// Exact name.
    name: Option<String>,
    /// Token id: those issued to jobs from it, which the list leaves out otherwise.
    issued_from: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Service tokens.
#[utoipa::path(get, path = "/api/auth/service-tokens/", tag = "auth",
    operation_id = "list_service_tokens", params(ServiceTokenFilter, PageParams),
    responses((status = OK, body = Page<ServiceToken>)))]
async fn list(
    ctx: Ctx,
    Params(filter): Params<ServiceTokenFilter>,
) -> ApiResult<Json<Page<ServiceToken>>> {
    let paging = filter.paging.paging()?;
    let application = optional_id("application", filter.application.as_deref())?;
    let issued_from = optional_id("issued_from", filter.issued_from.as_deref())?;
    let name = filter.name.as_deref();
    let (rows, count) = service_token::list(&ctx, application, name, issued_from, paging).await?;
    Ok(Json(page(rows, count, paging)))
}

/// Create a service token. The key is shown here only.
#[utoipa::path(post, path = "/api/auth/service-tokens/", tag = "auth",
    operation_id = "create_service_token", request_body = CreateServiceToken,
    responses((status = CREATED, body = ServiceToken), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateServiceToken>,
) -> ApiResult<(StatusCode, Json<ServiceToken>)> {
    let token = service_token::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// A service token, without its key.
#[utoipa::path(get, path = "/api/auth/service-tokens/{id}/", tag = "auth",
    operation_id = "show_service_token", params(("id" = TokenId, Path)),
    responses((status = OK, body = ServiceToken), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<TokenId>) -> ApiResult<Json<ServiceToken>> {
    let (row, application) = service_token::find(&ctx, id).await?;
    Ok(Json(service_token::view(&row, &application)))
}

/// Change a service token; what was issued from it to jobs ends.
#[utoipa::path(patch, path = "/api/auth/service-tokens/{id}/", tag = "auth",
    operation_id = "change_service_token", params(("id" = TokenId, Path)),
    request_body = ServiceToken,
    responses((status = OK, body = ServiceToken), (status = NOT_FOUND)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<TokenId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<ServiceToken>> {
    service_token::change(&ctx, id, &document).await.map(Json)
}

/// Delete a service token; its work ends.
#[utoipa::path(delete, path = "/api/auth/service-tokens/{id}/", tag = "auth",
    operation_id = "delete_service_token", params(("id" = TokenId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<TokenId>) -> ApiResult<StatusCode> {
    service_token::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Create a service token like another. The key is shown here only.
#[utoipa::path(post, path = "/api/auth/service-tokens/{id}/duplicate/", tag = "auth",
    operation_id = "duplicate_service_token", params(("id" = TokenId, Path)),
    request_body = DuplicateServiceToken,
    responses((status = CREATED, body = ServiceToken), (status = NOT_FOUND)))]
async fn duplicate(
    ctx: Ctx,
    Id(id): Id<TokenId>,
    Body(request): Body<DuplicateServiceToken>,
) -> ApiResult<(StatusCode, Json<ServiceToken>)> {
    let token = service_token::duplicate(&ctx, id, &request).await?;
    Ok((StatusCode::CREATED, Json(token)))
}
