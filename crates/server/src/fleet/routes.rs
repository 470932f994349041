//! Routes of servers for people and tools (`rest-identity.md` §18.1, §18.3).

use axum::Json;
use protocol::Page;
use protocol::id::ServerId;
use protocol::server::Server;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{register, view};
use crate::app::SharedApp;
use crate::http::extract::Caller;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Ctx, Id, PageParams, Params};

pub(super) const RESOURCE: &str = "server";

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(detail))
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
