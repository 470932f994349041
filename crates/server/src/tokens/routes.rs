//! Routes of API tokens (`rest-identity.md` §19).

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::id::TokenId;
use protocol::token::{ApiToken, CreateApiToken, DuplicateApiToken, ScopeCatalogue};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{owner, scope, token};
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(scopes))
        .routes(routes!(delete, change))
        .routes(routes!(duplicate))
}

/// What the token list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct TokenFilter {
    /// Exact name.
    name: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// The caller's API tokens.
#[utoipa::path(get, path = "/api/auth/tokens/", tag = "auth", params(TokenFilter, PageParams),
    responses((status = OK, body = Page<ApiToken>)))]
async fn list(ctx: Ctx, Params(filter): Params<TokenFilter>) -> ApiResult<Json<Page<ApiToken>>> {
    let owner = owner::manager(&ctx)?;
    let paging = filter.paging.paging()?;
    let name = filter.name.as_deref();
    let (rows, count) = ctx.tenant().identity().tokens(owner, name, paging).await?;
    Ok(Json(page(
        rows.iter().map(token::view).collect(),
        count,
        paging,
    )))
}

/// Create an API token. The key is shown here only.
#[utoipa::path(post, path = "/api/auth/tokens/", tag = "auth", request_body = CreateApiToken,
    responses((status = CREATED, body = ApiToken), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateApiToken>,
) -> ApiResult<(StatusCode, Json<ApiToken>)> {
    let token = token::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// What the caller may grant.
#[utoipa::path(get, path = "/api/auth/tokens/scopes/", tag = "auth",
    responses((status = OK, body = ScopeCatalogue)))]
async fn scopes(ctx: Ctx) -> Json<ScopeCatalogue> {
    Json(scope::catalogue(&ctx.principal.scopes()))
}

/// Change an API token: its name, whether it is enabled, its scopes and its end.
#[utoipa::path(patch, path = "/api/auth/tokens/{id}/", tag = "auth",
    operation_id = "change_api_token", params(("id" = TokenId, Path)), request_body = ApiToken,
    responses((status = OK, body = ApiToken), (status = NOT_FOUND), (status = CONFLICT)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<TokenId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<ApiToken>> {
    super::change::change(&ctx, id, &document).await.map(Json)
}

/// Delete an API token.
#[utoipa::path(delete, path = "/api/auth/tokens/{id}/", tag = "auth",
    params(("id" = TokenId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<TokenId>) -> ApiResult<StatusCode> {
    token::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Create an API token like another. The key is shown here only.
#[utoipa::path(post, path = "/api/auth/tokens/{id}/duplicate/", tag = "auth",
    params(("id" = TokenId, Path)), request_body = DuplicateApiToken,
    responses((status = CREATED, body = ApiToken), (status = NOT_FOUND)))]
async fn duplicate(
    ctx: Ctx,
    Id(id): Id<TokenId>,
    Body(request): Body<DuplicateApiToken>,
) -> ApiResult<(StatusCode, Json<ApiToken>)> {
    let token = token::duplicate(&ctx, id, &request).await?;
    Ok((StatusCode::CREATED, Json(token)))
}
