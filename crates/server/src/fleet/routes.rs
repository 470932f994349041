//! Routes of servers for people and tools (`rest-identity.md` §18.1, §18.3).

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::command::SubmittedCommand;
use protocol::id::ServerId;
use protocol::server::{Server, ServerAction};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{action, change, register, view};
use crate::app::SharedApp;
use crate::commands;
use crate::http::extract::Caller;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(super) const RESOURCE: &str = "server";

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(detail, change_server, delete_server))
        .routes(routes!(order_action))
}

/// What the server list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ServerFilter {
    /// Exact name.
    name: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Servers the caller may see, by name.
#[utoipa::path(get, path = "/api/servers/servers/", tag = "servers",
    params(ServerFilter, PageParams), responses((status = OK, body = Page<Server>)))]
async fn list(ctx: Ctx, Params(filter): Params<ServerFilter>) -> ApiResult<Json<Page<Server>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let paging = filter.paging.paging()?;
    let (rows, count) = ctx
        .tenant()
        .fleet()
        .list(ctx.principal.viewer(), filter.name.as_deref(), paging)
        .await?;
    let servers = view::servers(&ctx, &rows).await?;
    Ok(Json(page(servers, count, paging)))
}

/// A server. An agent that moves to another workspace asks for its own.
#[utoipa::path(get, path = "/api/servers/servers/{id}/", tag = "servers",
    params(("id" = ServerId, Path)),
    responses((status = OK, body = Server), (status = NOT_FOUND)))]
async fn detail(caller: Caller, Id(id): Id<ServerId>) -> ApiResult<Json<Server>> {
    let ctx = match caller {
        Caller::Principal(ctx) => ctx,
        Caller::Agent(ctx) => {
            register::check_own(&ctx, id)?;
            return view::own(&ctx).await.map(Json);
        }
    };
    ctx.principal.require_scope(RESOURCE, "read")?;
    let row = ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    view::server(&ctx, &row).await.map(Json)
}

/// Change a server: its name, tags and groups, and whether the caller marks it.
/// Takes the whole document as it was read.
#[utoipa::path(patch, path = "/api/servers/servers/{id}/", tag = "servers",
    params(("id" = ServerId, Path)), request_body = Server,
    responses((status = OK, body = Server), (status = NOT_FOUND)))]
async fn change_server(
    ctx: Ctx,
    Id(id): Id<ServerId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<Server>> {
    let row = change::change(&ctx, id, &document).await?;
    view::server(&ctx, &row).await.map(Json)
}

/// Delete a server.
#[utoipa::path(delete, path = "/api/servers/servers/{id}/", tag = "servers",
    params(("id" = ServerId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete_server(ctx: Ctx, Id(id): Id<ServerId>) -> ApiResult<StatusCode> {
    change::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Have a server's agent do something.
#[utoipa::path(post, path = "/api/servers/servers/{id}/actions/", tag = "servers",
    params(("id" = ServerId, Path)), request_body = ServerAction,
    responses((status = CREATED, body = SubmittedCommand), (status = CONFLICT)))]
async fn order_action(
    ctx: Ctx,
    Id(id): Id<ServerId>,
    Body(request): Body<ServerAction>,
) -> ApiResult<(StatusCode, Json<SubmittedCommand>)> {
    let row = action::order(&ctx, id, &request).await?;
    let command = commands::submitted(&ctx, &row).await?;
    Ok((StatusCode::CREATED, Json(command)))
}
