//! Routes of guardrails: an addition of ours.

use axum::Json;
use http::{StatusCode, header};
use protocol::Page;
use protocol::guardrail::{
    Guardrail, GuardrailOutcome, GuardrailVersion, TestGuardrail, ValidateGuardrail,
    ValidatedGuardrail, WriteGuardrail,
};
use protocol::id::GuardrailId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{change, trial, view};
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(schema))
        .routes(routes!(validate))
        .routes(routes!(test))
        .routes(routes!(detail, update, delete))
        .routes(routes!(versions))
}

/// Guardrails by name.
#[utoipa::path(get, path = "/api/security/guardrails/", tag = "security", params(PageParams),
    responses((status = OK, body = Page<Guardrail>), (status = FORBIDDEN)))]
async fn list(ctx: Ctx, Params(paging): Params<PageParams>) -> ApiResult<Json<Page<Guardrail>>> {
    trial::reader(&ctx)?;
    let paging = paging.paging()?;
    let (rows, count) = ctx.tenant().guardrails().list(paging).await?;
    let views = view::guardrails(&ctx, rows).await?;
    Ok(Json(page(views, count, paging)))
}

/// Create a guardrail. It is in force at once.
#[utoipa::path(post, path = "/api/security/guardrails/", tag = "security",
    request_body = WriteGuardrail,
    responses((status = CREATED, body = Guardrail), (status = BAD_REQUEST), (status = FORBIDDEN),
        (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<WriteGuardrail>,
) -> ApiResult<(StatusCode, Json<Guardrail>)> {
    let guardrail = change::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(guardrail)))
}

/// The schema that guardrails are written against, in Cedar's notation.
#[utoipa::path(get, path = "/api/security/guardrails/schema/", tag = "security",
    responses((status = OK, body = String, content_type = "text/plain")))]
async fn schema(_ctx: Ctx) -> ([(header::HeaderName, &'static str); 1], &'static str) {
    let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8");
    ([kind], guardrail::SCHEMA)
}

/// Whether a text would be accepted.
#[utoipa::path(post, path = "/api/security/guardrails/validate/", tag = "security",
    request_body = ValidateGuardrail,
    responses((status = OK, body = ValidatedGuardrail), (status = FORBIDDEN)))]
async fn validate(
    ctx: Ctx,
    Body(request): Body<ValidateGuardrail>,
) -> ApiResult<Json<ValidatedGuardrail>> {
    trial::validate(&ctx, &request).map(Json)
}

/// What guardrails would say about an operation. Nothing happens.
#[utoipa::path(post, path = "/api/security/guardrails/test/", tag = "security",
    request_body = TestGuardrail,
    responses((status = OK, body = GuardrailOutcome), (status = BAD_REQUEST),
        (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn test(ctx: Ctx, Body(request): Body<TestGuardrail>) -> ApiResult<Json<GuardrailOutcome>> {
    trial::test(&ctx, request).await.map(Json)
}

/// A guardrail.
#[utoipa::path(get, path = "/api/security/guardrails/{id}/", tag = "security",
    params(("id" = GuardrailId, Path)),
    responses((status = OK, body = Guardrail), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<GuardrailId>) -> ApiResult<Json<Guardrail>> {
    trial::reader(&ctx)?;
    let found = ctx.tenant().guardrails().find(id).await?;
    let row = found.ok_or_else(ApiError::not_found)?;
    let mut views = view::guardrails(&ctx, vec![row]).await?;
    Ok(Json(views.pop().unwrap_or_default()))
}

/// Change a guardrail. What is absent stays.
#[utoipa::path(patch, path = "/api/security/guardrails/{id}/", tag = "security",
    params(("id" = GuardrailId, Path)), request_body = WriteGuardrail,
    responses((status = OK, body = Guardrail), (status = BAD_REQUEST), (status = FORBIDDEN),
        (status = NOT_FOUND), (status = CONFLICT)))]
async fn update(
    ctx: Ctx,
    Id(id): Id<GuardrailId>,
    Body(request): Body<WriteGuardrail>,
) -> ApiResult<Json<Guardrail>> {
    change::change(&ctx, id, request).await.map(Json)
}

/// Delete a guardrail.
#[utoipa::path(delete, path = "/api/security/guardrails/{id}/", tag = "security",
    params(("id" = GuardrailId, Path)),
    responses((status = NO_CONTENT), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<GuardrailId>) -> ApiResult<StatusCode> {
    change::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every version of a guardrail, newest first; of a deleted one too.
#[utoipa::path(get, path = "/api/security/guardrails/{id}/versions/", tag = "security",
    params(("id" = GuardrailId, Path), PageParams),
    responses((status = OK, body = Page<GuardrailVersion>), (status = FORBIDDEN),
        (status = NOT_FOUND)))]
async fn versions(
    ctx: Ctx,
    Id(id): Id<GuardrailId>,
    Params(paging): Params<PageParams>,
) -> ApiResult<Json<Page<GuardrailVersion>>> {
    trial::reader(&ctx)?;
    let paging = paging.paging()?;
    let (rows, count) = ctx.tenant().guardrails().versions(id, paging).await?;
    if count == 0 {
        return Err(ApiError::not_found());
    }
    let views = view::versions(&ctx, rows).await?;
    Ok(Json(page(views, count, paging)))
}
