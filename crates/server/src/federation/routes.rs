//! Routes of identity providers.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use protocol::Page;
use protocol::federation::{
    CreateIdentityProvider, FederatedIdentity, IdentityProvider, LinkIdentity,
};
use protocol::id::{FederatedIdentityId, ProviderId};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{identity, provider};
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, change, delete))
        .routes(routes!(identities, link))
        .routes(routes!(unlink))
}

/// What the list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ProviderFilter {
    /// Exact slug.
    name: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Identity providers.
#[utoipa::path(get, path = "/api/auth/identity-providers/", tag = "auth",
    operation_id = "list_identity_providers", params(ProviderFilter, PageParams),
    responses((status = OK, body = Page<IdentityProvider>)))]
async fn list(
    ctx: Ctx,
    Params(filter): Params<ProviderFilter>,
) -> ApiResult<Json<Page<IdentityProvider>>> {
    let paging = filter.paging.paging()?;
    let (rows, count) = provider::list(&ctx, filter.name.as_deref(), paging).await?;
    let rows = rows.iter().map(|row| provider::view(&ctx, row)).collect();
    Ok(Json(page(rows, count, paging)))
}

/// Let people sign in with an identity provider. It is asked for its metadata.
#[utoipa::path(post, path = "/api/auth/identity-providers/", tag = "auth",
    operation_id = "create_identity_provider", request_body = CreateIdentityProvider,
    responses((status = CREATED, body = IdentityProvider), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateIdentityProvider>,
) -> ApiResult<(StatusCode, Json<IdentityProvider>)> {
    let row = provider::create(&ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(provider::view(&ctx, &row))))
}

/// An identity provider, without its secret.
#[utoipa::path(get, path = "/api/auth/identity-providers/{id}/", tag = "auth",
    operation_id = "show_identity_provider", params(("id" = ProviderId, Path)),
    responses((status = OK, body = IdentityProvider), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<ProviderId>) -> ApiResult<Json<IdentityProvider>> {
    let row = provider::find(&ctx, id).await?;
    Ok(Json(provider::view(&ctx, &row)))
}

/// Change an identity provider. A `client_secret` replaces the one that is there, an
/// empty one removes it; slug and issuer stay.
#[utoipa::path(patch, path = "/api/auth/identity-providers/{id}/", tag = "auth",
    operation_id = "change_identity_provider", params(("id" = ProviderId, Path)),
    request_body = CreateIdentityProvider,
    responses((status = OK, body = IdentityProvider), (status = NOT_FOUND)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<ProviderId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<IdentityProvider>> {
    let row = provider::change(&ctx, id, &document).await?;
    Ok(Json(provider::view(&ctx, &row)))
}

/// Delete an identity provider with the links to it.
#[utoipa::path(delete, path = "/api/auth/identity-providers/{id}/", tag = "auth",
    operation_id = "delete_identity_provider", params(("id" = ProviderId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<ProviderId>) -> ApiResult<StatusCode> {
    provider::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is linked to an identity provider.
#[utoipa::path(get, path = "/api/auth/identity-providers/{id}/identities/", tag = "auth",
    operation_id = "list_federated_identities", params(("id" = ProviderId, Path), PageParams),
    responses((status = OK, body = Page<FederatedIdentity>), (status = NOT_FOUND)))]
async fn identities(
    ctx: Ctx,
    Id(id): Id<ProviderId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<Page<FederatedIdentity>>> {
    let paging = params.paging()?;
    let (rows, count) = identity::list(&ctx, id, paging).await?;
    Ok(Json(page(rows, count, paging)))
}

/// Link somebody at an identity provider to a user, before their first sign-in.
#[utoipa::path(post, path = "/api/auth/identity-providers/{id}/identities/", tag = "auth",
    operation_id = "link_federated_identity", params(("id" = ProviderId, Path)),
    request_body = LinkIdentity,
    responses((status = CREATED, body = FederatedIdentity), (status = CONFLICT)))]
async fn link(
    ctx: Ctx,
    Id(id): Id<ProviderId>,
    Body(request): Body<LinkIdentity>,
) -> ApiResult<(StatusCode, Json<FederatedIdentity>)> {
    let linked = identity::link(&ctx, id, &request).await?;
    Ok((StatusCode::CREATED, Json(linked)))
}

/// Remove a link.
#[utoipa::path(delete, path = "/api/auth/identity-providers/{id}/identities/{identity}/",
    tag = "auth", operation_id = "unlink_federated_identity",
    params(("id" = ProviderId, Path), ("identity" = FederatedIdentityId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn unlink(ctx: Ctx, Path((id, identity)): Path<(String, String)>) -> ApiResult<StatusCode> {
    let id: ProviderId = id.parse().map_err(|_| ApiError::not_found())?;
    let identity: FederatedIdentityId = identity.parse().map_err(|_| ApiError::not_found())?;
    identity::unlink(&ctx, id, identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
