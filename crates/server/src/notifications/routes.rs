//! Routes of webhooks (`rest-operations.md` §13), and where chats answer.

use axum::extract::Path;
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use protocol::Page;
use protocol::id::{ChatIdentityId, WebhookId};
use protocol::notification::{ChatIdentity, CreateChatIdentity, CreateWebhook, Webhook};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{chat, identity, webhook};
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, change, delete))
        .routes(routes!(identities, identify))
        .routes(routes!(forget))
}

/// Called by chats, with their signature instead of a credential.
pub(crate) fn chat_routes() -> Router<SharedApp> {
    Router::new()
        .route("/api/notifications/slack/{id}/", post(chat::from_slack))
        .route("/api/notifications/teams/{id}/", post(chat::from_teams))
}

/// What the webhook list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct WebhookFilter {
    /// Exact name.
    name: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Where notifications go; for superusers.
#[utoipa::path(get, path = "/api/notifications/webhooks/", tag = "notifications",
    params(WebhookFilter, PageParams),
    responses((status = OK, body = Page<Webhook>), (status = FORBIDDEN)))]
async fn list(ctx: Ctx, Params(filter): Params<WebhookFilter>) -> ApiResult<Json<Page<Webhook>>> {
    webhook::manager(&ctx)?;
    let paging = filter.paging.paging()?;
    let name = filter.name.as_deref().filter(|name| !name.is_empty());
    let (rows, count) = ctx.tenant().webhooks().list(name, paging).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in &rows {
        shown.push(webhook::view(&ctx, row).await?);
    }
    Ok(Json(page(shown, count, paging)))
}

/// Send notifications somewhere. A secret that is made here is shown here only.
#[utoipa::path(post, path = "/api/notifications/webhooks/", tag = "notifications",
    request_body = CreateWebhook,
    responses((status = CREATED, body = Webhook), (status = FORBIDDEN), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateWebhook>,
) -> ApiResult<(StatusCode, Json<Webhook>)> {
    let created = webhook::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// A webhook.
#[utoipa::path(get, path = "/api/notifications/webhooks/{id}/", tag = "notifications",
    params(("id" = WebhookId, Path)),
    responses((status = OK, body = Webhook), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<WebhookId>) -> ApiResult<Json<Webhook>> {
    webhook::manager(&ctx)?;
    let row = webhook::find(&ctx, id).await?;
    Ok(Json(webhook::view(&ctx, &row).await?))
}

/// Change a webhook. An empty secret takes it away.
#[utoipa::path(patch, path = "/api/notifications/webhooks/{id}/", tag = "notifications",
    params(("id" = WebhookId, Path)), request_body = Webhook,
    responses((status = OK, body = Webhook), (status = NOT_FOUND)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<WebhookId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<Webhook>> {
    Ok(Json(webhook::change(&ctx, id, &document).await?))
}

/// Delete a webhook.
#[utoipa::path(delete, path = "/api/notifications/webhooks/{id}/", tag = "notifications",
    params(("id" = WebhookId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<WebhookId>) -> ApiResult<StatusCode> {
    webhook::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is known in the chat behind a webhook.
#[utoipa::path(get, path = "/api/notifications/webhooks/{id}/identities/",
    tag = "notifications", params(("id" = WebhookId, Path), PageParams),
    responses((status = OK, body = Page<ChatIdentity>), (status = NOT_FOUND)))]
async fn identities(
    ctx: Ctx,
    Id(id): Id<WebhookId>,
    Params(paging): Params<PageParams>,
) -> ApiResult<Json<Page<ChatIdentity>>> {
    let paging = paging.paging()?;
    let (shown, count) = identity::list(&ctx, id, paging).await?;
    Ok(Json(page(shown, count, paging)))
}

/// Say who one is in the chat behind a webhook; their decisions there are then one's own.
#[utoipa::path(post, path = "/api/notifications/webhooks/{id}/identities/",
    tag = "notifications", params(("id" = WebhookId, Path)),
    request_body = CreateChatIdentity,
    responses((status = CREATED, body = ChatIdentity), (status = CONFLICT)))]
async fn identify(
    ctx: Ctx,
    Id(id): Id<WebhookId>,
    Body(request): Body<CreateChatIdentity>,
) -> ApiResult<(StatusCode, Json<ChatIdentity>)> {
    let created = identity::create(&ctx, id, &request).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Forget who somebody is in the chat behind a webhook.
#[utoipa::path(delete, path = "/api/notifications/webhooks/{id}/identities/{identity}/",
    tag = "notifications",
    params(("id" = WebhookId, Path), ("identity" = ChatIdentityId, Path)),
    responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn forget(ctx: Ctx, Path((id, identity)): Path<(String, String)>) -> ApiResult<StatusCode> {
    let (Ok(id), Ok(identity)) = (id.parse(), identity.parse()) else {
        return Err(ApiError::not_found());
    };
    identity::delete(&ctx, id, identity).await?;
    Ok(StatusCode::NO_CONTENT)
}
