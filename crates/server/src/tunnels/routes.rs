//! Routes of tunnels (`rest-operations.md` §9). Making one is the contract's; the
//! rest is ours.

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::id::{ServerId, TunnelId, WorkSessionId};
use protocol::tunnel::{CreateTunnel, Tunnel, TunnelConnection};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::audit::AuditRecord;
use store::tunnels::TunnelFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::end::End;
use super::{open, view};
use crate::app::SharedApp;
use crate::http::extract::{optional_flag, optional_id};
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params};

/// For scopes of tokens.
const RESOURCE: &str = "tunnel";

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail))
        .routes(routes!(connections))
        .routes(routes!(close))
}

/// Open a tunnel. Its `websocket_url` is good once, for a minute.
#[utoipa::path(post, path = "/api/websh/tunnels/", tag = "tunnels", request_body = CreateTunnel,
    responses((status = CREATED, body = Tunnel), (status = FORBIDDEN), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateTunnel>,
) -> ApiResult<(StatusCode, Json<Tunnel>)> {
    let tunnel = open::open(&ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(tunnel)))
}

/// What a list of tunnels may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct ListParams {
    /// To this server.
    server: Option<String>,
    /// In this work session.
    work_session: Option<String>,
    /// `true`: only those that are open.
    open: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Tunnels, newest first: one's own; for superusers, all.
#[utoipa::path(get, path = "/api/websh/tunnels/", tag = "tunnels", params(ListParams, PageParams),
    responses((status = OK, body = Page<Tunnel>)))]
async fn list(ctx: Ctx, Params(params): Params<ListParams>) -> ApiResult<Json<Page<Tunnel>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let filter = TunnelFilter {
        server: optional_id::<ServerId>("server", params.server.as_deref())?,
        work_session: optional_id::<WorkSessionId>("work_session", params.work_session.as_deref())?,
        open: optional_flag("open", params.open.as_deref())?.unwrap_or(false),
        ..TunnelFilter::default()
    };
    let paging = params.page.paging()?;
    let filter = view::narrow(&ctx, filter);
    let (rows, count) = ctx.tenant().tunnels().list(&filter, paging).await?;
    Ok(Json(page(view::tunnels(&ctx, &rows).await?, count, paging)))
}

/// A tunnel.
#[utoipa::path(get, path = "/api/websh/tunnels/{id}/", tag = "tunnels",
    params(("id" = TunnelId, Path)), responses((status = OK, body = Tunnel), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<TunnelId>) -> ApiResult<Json<Tunnel>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let row = view::visible(&ctx, id).await?;
    Ok(Json(view::tunnel(&ctx, &row).await?))
}

/// The connections through a tunnel, newest first.
#[utoipa::path(get, path = "/api/websh/tunnels/{id}/connections/", tag = "tunnels",
    params(("id" = TunnelId, Path), PageParams),
    responses((status = OK, body = Page<TunnelConnection>), (status = NOT_FOUND)))]
async fn connections(
    ctx: Ctx,
    Id(id): Id<TunnelId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<Page<TunnelConnection>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    view::visible(&ctx, id).await?;
    let paging = params.paging()?;
    let (rows, count) = ctx.tenant().tunnels().connections(id, paging).await?;
    let rows = rows.iter().map(view::connection).collect();
    Ok(Json(page(rows, count, paging)))
}

/// Close a tunnel: one's own; for superusers, any. One that is closed stays so.
#[utoipa::path(post, path = "/api/websh/tunnels/{id}/close/", tag = "tunnels",
    params(("id" = TunnelId, Path)), responses((status = OK, body = Tunnel), (status = NOT_FOUND)))]
async fn close(
    ctx: Ctx,
    Id(id): Id<TunnelId>,
    Body(_): Body<Map<String, Value>>,
) -> ApiResult<Json<Tunnel>> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    let row = view::visible(&ctx, id).await?;
    if let Some(live) = ctx.app.tunnels.find(id) {
        let unit = ctx.begin().await?;
        unit.audit(AuditRecord {
            actor: ctx.principal.actor(),
            ip: ctx.ip.to_string(),
            app: open::SOURCE,
            model: "tunnel",
            object_id: Some(row.id),
            action: "close",
            status_code: StatusCode::OK.as_u16(),
            description: "tunnel closed on demand".to_owned(),
            data: json!({"server": row.server_id, "target_port": row.target_port}),
        })
        .await?;
        unit.commit().await?;
        live.end(End::Closed);
    }
    Ok(Json(view::tunnel(&ctx, &row).await?))
}
