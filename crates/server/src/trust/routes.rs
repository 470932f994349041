//! Routes of trust rules.

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::id::TrustRuleId;
use protocol::trust::{CreateTrustRule, TrustRule};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::rule;
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, change, delete))
}

/// What the list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct TrustRuleFilter {
    /// Exact name.
    name: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Trust rules.
#[utoipa::path(get, path = "/api/auth/trust-rules/", tag = "auth",
    operation_id = "list_trust_rules", params(TrustRuleFilter, PageParams),
    responses((status = OK, body = Page<TrustRule>)))]
async fn list(
    ctx: Ctx,
    Params(filter): Params<TrustRuleFilter>,
) -> ApiResult<Json<Page<TrustRule>>> {
    let paging = filter.paging.paging()?;
    let (rows, count) = rule::list(&ctx, filter.name.as_deref(), paging).await?;
    Ok(Json(page(rows, count, paging)))
}

/// Trust jobs of a CI provider.
#[utoipa::path(post, path = "/api/auth/trust-rules/", tag = "auth",
    operation_id = "create_trust_rule", request_body = CreateTrustRule,
    responses((status = CREATED, body = TrustRule), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateTrustRule>,
) -> ApiResult<(StatusCode, Json<TrustRule>)> {
    let created = rule::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// A trust rule.
#[utoipa::path(get, path = "/api/auth/trust-rules/{id}/", tag = "auth",
    operation_id = "show_trust_rule", params(("id" = TrustRuleId, Path)),
    responses((status = OK, body = TrustRule), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<TrustRuleId>) -> ApiResult<Json<TrustRule>> {
    rule::find(&ctx, id).await.map(Json)
}

/// Change a trust rule; its issuer and its service token stay.
#[utoipa::path(patch, path = "/api/auth/trust-rules/{id}/", tag = "auth",
    operation_id = "change_trust_rule", params(("id" = TrustRuleId, Path)),
    request_body = TrustRule,
    responses((status = OK, body = TrustRule), (status = NOT_FOUND)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<TrustRuleId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<TrustRule>> {
    rule::change(&ctx, id, &document).await.map(Json)
}

/// Delete a trust rule. What it issued ends by itself.
#[utoipa::path(delete, path = "/api/auth/trust-rules/{id}/", tag = "auth",
    operation_id = "delete_trust_rule", params(("id" = TrustRuleId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<TrustRuleId>) -> ApiResult<StatusCode> {
    rule::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
