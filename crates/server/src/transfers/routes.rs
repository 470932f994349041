//! Routes of file transfers (`rest-operations.md` §7), of their reports
//! (`agent-channels.md` §4.4), and of their content.

use std::time::Duration;

use axum::Json;
use axum::body::Body as RawBody;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use protocol::CursorPage;
use protocol::code;
use protocol::id::{ServerId, TransferId, UserId};
use protocol::transfer::{
    CreateDownload, CreateDownloads, CreateUpload, CreateUploads, Direction, Download, TransferIds,
    TransferLog, TransferReport, TransferStatus, Upload,
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::transfers::TransferFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::paths::SOURCE;
use super::{content, create, finish, log, order, status, view};
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::{
    AgentBody, AgentCtx, ApiError, ApiResult, Body, Ctx, CursorParams, Id, Params, PublicCtx,
};
use crate::objects::Signed;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(create_upload))
        .routes(routes!(create_uploads))
        .routes(routes!(deliver))
        .routes(routes!(deliver_bulk))
        .routes(routes!(upload_status))
        .routes(routes!(upload_report))
        .routes(routes!(create_download))
        .routes(routes!(create_downloads))
        .routes(routes!(download_status))
        .routes(routes!(download_report))
        .routes(routes!(get_content, put_content, head_content))
        .routes(routes!(transfer_log))
}

/// Create an upload; its content goes to `upload_url`.
#[utoipa::path(post, path = "/api/webftp/uploads/", tag = "transfers", request_body = CreateUpload,
    responses((status = CREATED, body = Upload), (status = FORBIDDEN)))]
async fn create_upload(
    ctx: Ctx,
    Body(request): Body<CreateUpload>,
) -> ApiResult<(StatusCode, Json<Upload>)> {
    let created = create::upload(&ctx, request).await?;
    let row = created.rows.first().ok_or_else(ApiError::not_found)?;
    let upload = view::upload(&ctx, row, &created.grant.server).await?;
    Ok((StatusCode::CREATED, Json(upload)))
}

/// Create uploads into one directory, in the order of their names.
#[utoipa::path(post, path = "/api/webftp/uploads/bulk/", tag = "transfers",
    request_body = CreateUploads,
    responses((status = CREATED, body = Vec<Upload>), (status = FORBIDDEN)))]
async fn create_uploads(
    ctx: Ctx,
    Body(request): Body<CreateUploads>,
) -> ApiResult<(StatusCode, Json<Vec<Upload>>)> {
    let created = create::uploads(&ctx, request).await?;
    let server = &created.grant.server;
    let mut uploads = Vec::with_capacity(created.rows.len());
    for row in &created.rows {
        uploads.push(view::upload(&ctx, row, server).await?);
    }
    Ok((StatusCode::CREATED, Json(uploads)))
}

/// Deliver an upload whose content has arrived.
#[utoipa::path(get, path = "/api/webftp/uploads/{id}/upload/", tag = "transfers",
    params(("id" = TransferId, Path)),
    responses((status = OK), (status = NOT_FOUND), (status = CONFLICT)))]
async fn deliver(ctx: Ctx, Id(id): Id<TransferId>) -> ApiResult<Json<Value>> {
    ctx.principal.require_scope(SOURCE, "create")?;
    let row = view::own(&ctx, id, Direction::Upload).await?;
    order::deliver(&ctx, vec![row]).await?;
    Ok(Json(json!({})))
}

/// Deliver uploads of one bulk request.
#[utoipa::path(post, path = "/api/webftp/uploads/bulk-upload/", tag = "transfers",
    request_body = TransferIds,
    responses((status = OK), (status = NOT_FOUND), (status = CONFLICT)))]
async fn deliver_bulk(ctx: Ctx, Body(request): Body<TransferIds>) -> ApiResult<Json<Value>> {
    ctx.principal.require_scope(SOURCE, "create")?;
    let mut rows = Vec::with_capacity(request.ids.len());
    for id in &request.ids {
        rows.push(view::own(&ctx, *id, Direction::Upload).await?);
    }
    order::require_one_kind(&rows)?;
    order::deliver(&ctx, rows).await?;
    Ok(Json(json!({})))
}

/// How long a status may be waited for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// Seconds, at most 30; without it the answer comes at once.
    wait: Option<String>,
}

impl Wait {
    fn duration(&self) -> ApiResult<Duration> {
        match self.wait.as_deref() {
            None | Some("") => Ok(Duration::ZERO),
            Some(text) => text
                .parse()
                .map(|seconds| Duration::from_secs(seconds).min(status::MAX_WAIT))
                .map_err(|_| {
                    ApiError::field(SOURCE, "wait", "wait must be a whole number of seconds.")
                }),
        }
    }
}

/// Whether an upload has reached the host.
#[utoipa::path(get, path = "/api/webftp/uploads/{id}/status/", tag = "transfers",
    params(("id" = TransferId, Path), Wait),
    responses((status = OK, body = TransferStatus), (status = NOT_FOUND)))]
async fn upload_status(
    ctx: Ctx,
    Id(id): Id<TransferId>,
    Params(wait): Params<Wait>,
) -> ApiResult<Json<TransferStatus>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    status::status(&ctx, id, Direction::Upload, wait.duration()?)
        .await
        .map(Json)
}

/// How an upload went, said by the agent.
#[utoipa::path(post, path = "/api/webftp/uploads/{id}/stat/", tag = "agent",
    params(("id" = TransferId, Path)), request_body = TransferReport,
    responses((status = OK), (status = NOT_FOUND)))]
async fn upload_report(
    ctx: AgentCtx,
    Id(id): Id<TransferId>,
    AgentBody(report): AgentBody<TransferReport>,
) -> ApiResult<Json<Value>> {
    finish::report(&ctx, id, Direction::Upload, report).await?;
    Ok(Json(json!({})))
}

/// Create a download; its content comes from `download_url`.
#[utoipa::path(post, path = "/api/webftp/downloads/", tag = "transfers",
    request_body = CreateDownload,
    responses((status = CREATED, body = Download), (status = FORBIDDEN)))]
async fn create_download(
    ctx: Ctx,
    Body(request): Body<CreateDownload>,
) -> ApiResult<(StatusCode, Json<Download>)> {
    downloaded(&ctx, &create::download(&ctx, request).await?).await
}

/// Create a download of several paths in one zip.
#[utoipa::path(post, path = "/api/webftp/downloads/bulk/", tag = "transfers",
    request_body = CreateDownloads,
    responses((status = CREATED, body = Download), (status = FORBIDDEN)))]
async fn create_downloads(
    ctx: Ctx,
    Body(request): Body<CreateDownloads>,
) -> ApiResult<(StatusCode, Json<Download>)> {
    downloaded(&ctx, &create::downloads(&ctx, request).await?).await
}

async fn downloaded(
    ctx: &Ctx,
    created: &create::Created,
) -> ApiResult<(StatusCode, Json<Download>)> {
    let row = created.rows.first().ok_or_else(ApiError::not_found)?;
    let download = view::download(ctx, row, &created.grant.server).await?;
    Ok((StatusCode::CREATED, Json(download)))
}

/// Whether the host has sent a download.
#[utoipa::path(get, path = "/api/webftp/downloads/{id}/status/", tag = "transfers",
    params(("id" = TransferId, Path), Wait),
    responses((status = OK, body = TransferStatus), (status = NOT_FOUND)))]
async fn download_status(
    ctx: Ctx,
    Id(id): Id<TransferId>,
    Params(wait): Params<Wait>,
) -> ApiResult<Json<TransferStatus>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    status::status(&ctx, id, Direction::Download, wait.duration()?)
        .await
        .map(Json)
}

/// How a download went, said by the agent.
#[utoipa::path(post, path = "/api/webftp/downloads/{id}/stat/", tag = "agent",
    params(("id" = TransferId, Path)), request_body = TransferReport,
    responses((status = OK), (status = NOT_FOUND)))]
async fn download_report(
    ctx: AgentCtx,
    Id(id): Id<TransferId>,
    AgentBody(report): AgentBody<TransferReport>,
) -> ApiResult<Json<Value>> {
    finish::report(&ctx, id, Direction::Download, report).await?;
    Ok(Json(json!({})))
}

/// Read content by a signed link.
#[utoipa::path(get, path = "/api/webftp/objects/{id}/", tag = "transfers",
    params(("id" = TransferId, Path)),
    responses((status = OK), (status = PARTIAL_CONTENT), (status = FORBIDDEN), (status = GONE)))]
async fn get_content(
    ctx: PublicCtx,
    Id(id): Id<TransferId>,
    Params(signed): Params<Signed>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    content::get(&ctx, id, &signed, &headers).await
}

/// Put content by a signed link.
#[utoipa::path(put, path = "/api/webftp/objects/{id}/", tag = "transfers",
    params(("id" = TransferId, Path)),
    responses((status = OK), (status = FORBIDDEN), (status = CONFLICT), (status = GONE)))]
async fn put_content(
    ctx: PublicCtx,
    Id(id): Id<TransferId>,
    Params(signed): Params<Signed>,
    headers: HeaderMap,
    body: RawBody,
) -> ApiResult<Response> {
    content::put(&ctx, id, &signed, &headers, body).await
}

/// How much content has arrived by a signed link.
#[utoipa::path(head, path = "/api/webftp/objects/{id}/", tag = "transfers",
    params(("id" = TransferId, Path)), responses((status = OK), (status = FORBIDDEN)))]
async fn head_content(
    ctx: PublicCtx,
    Id(id): Id<TransferId>,
    Params(signed): Params<Signed>,
) -> ApiResult<Response> {
    content::offset(&ctx, id, &signed).await
}

/// What the log may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct LogFilter {
    /// Server id.
    server: Option<String>,
    /// User id.
    user: Option<String>,
    /// `upload` or `download`.
    action: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    cursor: CursorParams,
}

/// The transfer log, newest first: one's own; for staff, all of the servers they see.
#[utoipa::path(get, path = "/api/history/webftp-logs/", tag = "history",
    params(LogFilter, CursorParams),
    responses((status = OK, body = CursorPage<TransferLog>), (status = NOT_FOUND)))]
async fn transfer_log(
    ctx: Ctx,
    Params(filter): Params<LogFilter>,
) -> ApiResult<Json<CursorPage<TransferLog>>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let direction = match filter.action.as_deref() {
        None | Some("") => None,
        Some("upload") => Some(Direction::Upload),
        Some("download") => Some(Direction::Download),
        Some(_) => {
            let detail = "action must be upload or download.";
            let mut refusal = ApiError::field(SOURCE, "action", detail);
            refusal.code = Some(code::INVALID_CHOICE);
            return Err(refusal);
        }
    };
    let wanted = TransferFilter {
        server: optional_id::<ServerId>("server", filter.server.as_deref())?,
        requested_by: optional_id::<UserId>("user", filter.user.as_deref())?,
        token: None,
        direction,
    };
    log::list(&ctx, wanted, &filter.cursor).await.map(Json)
}
