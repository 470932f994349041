//! Routes of registration and its tokens (`rest-identity.md` §18.2).

use axum::Json;
use http::{HeaderMap, StatusCode};
use protocol::Page;
use protocol::agent::{Register, Registered};
use protocol::id::RegistrationTokenId;
use protocol::server::{CreateRegistrationToken, GuideRequest, RegistrationToken};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::guide::{self, AnsibleGuide, TokenInstallGuide};
use super::{register, registration_token};
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params, PublicCtx};

const RESOURCE: &str = "registration_token";
/// The token scope resource of the guides.
const METHOD_RESOURCE: &str = "registration_method";

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(register_server))
        .routes(routes!(tokens, create_token))
        .routes(routes!(delete_token))
        .routes(routes!(token_install))
        .routes(routes!(ansible))
}

/// Register a host. The credential is a registration token.
#[utoipa::path(post, path = "/api/servers/servers/register/", tag = "agents",
    request_body = Register,
    responses((status = CREATED, body = Registered), (status = UNAUTHORIZED)))]
async fn register_server(
    ctx: PublicCtx,
    headers: HeaderMap,
    Body(request): Body<Register>,
) -> ApiResult<(StatusCode, Json<Registered>)> {
    let registered = register::register(&ctx, &headers, request).await?;
    Ok((StatusCode::CREATED, Json(registered)))
}

/// What the token list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct TokenFilter {
    /// Part of the name.
    search: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Registration tokens.
#[utoipa::path(get, path = "/api/servers/registration-tokens/", tag = "servers",
    params(TokenFilter, PageParams), responses((status = OK, body = Page<RegistrationToken>)))]
async fn tokens(
    ctx: Ctx,
    Params(filter): Params<TokenFilter>,
) -> ApiResult<Json<Page<RegistrationToken>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    ctx.principal.require_staff()?;
    let paging = filter.paging.paging()?;
    let search = filter.search.as_deref().filter(|text| !text.is_empty());
    let (rows, count) = ctx
        .tenant()
        .fleet()
        .registration_tokens(search, paging)
        .await?;
    let rows = rows.iter().map(registration_token::view).collect();
    Ok(Json(page(rows, count, paging)))
}

/// Create a registration token. The key is shown here only.
#[utoipa::path(post, path = "/api/servers/registration-tokens/", tag = "servers",
    request_body = CreateRegistrationToken,
    responses((status = CREATED, body = RegistrationToken), (status = CONFLICT)))]
async fn create_token(
    ctx: Ctx,
    Body(request): Body<CreateRegistrationToken>,
) -> ApiResult<(StatusCode, Json<RegistrationToken>)> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    let token = registration_token::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// Delete a registration token.
#[utoipa::path(delete, path = "/api/servers/registration-tokens/{id}/", tag = "servers",
    params(("id" = RegistrationTokenId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete_token(ctx: Ctx, Id(id): Id<RegistrationTokenId>) -> ApiResult<StatusCode> {
    ctx.principal.require_scope(RESOURCE, "delete")?;
    registration_token::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How to bring one host in by hand.
#[utoipa::path(post, path = "/api/servers/registration-methods/token-install/guide/",
    tag = "servers", request_body = GuideRequest,
    responses((status = OK, body = TokenInstallGuide)))]
async fn token_install(
    ctx: Ctx,
    Body(request): Body<GuideRequest>,
) -> ApiResult<Json<TokenInstallGuide>> {
    ctx.principal.require_scope(METHOD_RESOURCE, "read")?;
    guide::token_install(&ctx, &request).await.map(Json)
}

/// How to bring hosts in with Ansible.
#[utoipa::path(post, path = "/api/servers/registration-methods/ansible/guide/",
    tag = "servers", request_body = GuideRequest,
    responses((status = OK, body = AnsibleGuide)))]
async fn ansible(ctx: Ctx, Body(request): Body<GuideRequest>) -> ApiResult<Json<AnsibleGuide>> {
    ctx.principal.require_scope(METHOD_RESOURCE, "read")?;
    guide::ansible(&ctx, &request).await.map(Json)
}
