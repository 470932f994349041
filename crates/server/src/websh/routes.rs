//! Routes of terminals (`rest-operations.md` §6).

use axum::Json;
use axum::body::Body as HttpBody;
use axum::response::Response;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, StatusCode};
use protocol::id::{ServerId, WebshChannelId, WebshSessionId, WorkSessionId};
use protocol::websh::{
    CreatePtyChannel, CreateWebsh, CreateWebshChannel, InviteWebsh, JoinWebsh, PtyChannel,
    ResizeWebsh, ShareWebsh, WebshChannel, WebshRecord, WebshSession, WebshShare,
};
use protocol::{CursorPage, Page};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use store::websh::{RecordScope, WebshFilter};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::end::End;
use super::hub::Event;
use super::open::{self, Size};
use super::{recorder, share, view};
use crate::app::SharedApp;
use crate::http::extract::{optional_flag, optional_id};
use crate::http::paging::page;
use crate::http::{
    AgentBody, AgentCtx, ApiError, ApiResult, Body, Ctx, CursorParams, Id, PageParams, Params,
};

/// For scopes of tokens.
const RESOURCE: &str = "websh";
/// Longest text that is searched for.
const MAX_QUERY: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, resize))
        .routes(routes!(make_share))
        .routes(routes!(invite))
        .routes(routes!(close))
        .routes(routes!(force_close))
        .routes(routes!(make_channel))
        .routes(routes!(join))
        .routes(routes!(records))
        .routes(routes!(search))
        .routes(routes!(search_all))
        .routes(routes!(cast))
        .routes(routes!(recover))
}

/// Open a terminal. Its `websocket_url` is good once, for a minute.
#[utoipa::path(post, path = "/api/websh/sessions/", tag = "websh", request_body = CreateWebsh,
    responses((status = CREATED, body = WebshSession), (status = FORBIDDEN), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    headers: HeaderMap,
    Body(request): Body<CreateWebsh>,
) -> ApiResult<(StatusCode, Json<WebshSession>)> {
    let user_agent = headers.get(USER_AGENT).and_then(|text| text.to_str().ok());
    let session = open::open(&ctx, &request, user_agent.unwrap_or_default()).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

/// What a list of sessions may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct ListParams {
    /// `true`: only those that are open.
    is_connectable: Option<String>,
    /// On this server.
    server: Option<String>,
    /// In this work session.
    work_session: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageParams,
}

/// Sessions, newest first: one's own; for staff and superusers, all.
#[utoipa::path(get, path = "/api/websh/sessions/", tag = "websh", params(ListParams, PageParams),
    responses((status = OK, body = Page<WebshSession>)))]
async fn list(ctx: Ctx, Params(params): Params<ListParams>) -> ApiResult<Json<Page<WebshSession>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let filter = WebshFilter {
        server: optional_id::<ServerId>("server", params.server.as_deref())?,
        work_session: optional_id::<WorkSessionId>("work_session", params.work_session.as_deref())?,
        open: optional_flag("is_connectable", params.is_connectable.as_deref())?.unwrap_or(false),
        ..WebshFilter::default()
    };
    let paging = params.page.paging()?;
    let filter = view::narrow(&ctx, filter);
    let (rows, count) = ctx.tenant().websh().list(&filter, paging).await?;
    let rows = view::sessions(&ctx, &rows).await?;
    Ok(Json(page(rows, count, paging)))
}

/// A session.
#[utoipa::path(get, path = "/api/websh/sessions/{id}/", tag = "websh",
    params(("id" = WebshSessionId, Path)),
    responses((status = OK, body = WebshSession), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<WebshSessionId>) -> ApiResult<Json<WebshSession>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let row = view::visible(&ctx, id).await?;
    Ok(Json(view::session(&ctx, &row).await?))
}

/// Change the size of one's own terminal.
#[utoipa::path(patch, path = "/api/websh/sessions/{id}/", tag = "websh",
    params(("id" = WebshSessionId, Path)), request_body = ResizeWebsh,
    responses((status = OK, body = WebshSession), (status = NOT_FOUND)))]
async fn resize(
    ctx: Ctx,
    Id(id): Id<WebshSessionId>,
    Body(request): Body<ResizeWebsh>,
) -> ApiResult<Json<WebshSession>> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    view::own(&ctx, id).await?;
    let Size { rows, cols } = Size::read(request.rows, request.cols)?;
    let live = share::live(&ctx, id)?;
    let unit = ctx.begin().await?;
    unit.tenant().websh().resize(id, rows, cols).await?;
    unit.commit().await?;
    // The session may have ended meanwhile.
    let _over = live.events.send(Event::Resized { rows, cols }).await;
    let row = view::own(&ctx, id).await?;
    Ok(Json(view::session(&ctx, &row).await?))
}

/// Let others join one's own terminal, by a link and a password.
#[utoipa::path(post, path = "/api/websh/sessions/{id}/share/", tag = "websh",
    params(("id" = WebshSessionId, Path)), request_body = ShareWebsh,
    responses((status = CREATED, body = WebshShare), (status = NOT_FOUND), (status = CONFLICT)))]
async fn make_share(
    ctx: Ctx,
    Id(id): Id<WebshSessionId>,
    Body(request): Body<ShareWebsh>,
) -> ApiResult<(StatusCode, Json<WebshShare>)> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    let row = view::own(&ctx, id).await?;
    let share = share::share(&ctx, &row, request.read_only).await?;
    Ok((StatusCode::CREATED, Json(share)))
}

/// Invite people by mail to one's own terminal.
#[utoipa::path(post, path = "/api/websh/sessions/{id}/invite/", tag = "websh",
    params(("id" = WebshSessionId, Path)), request_body = InviteWebsh,
    responses((status = OK), (status = NOT_FOUND), (status = CONFLICT)))]
async fn invite(
    ctx: Ctx,
    Id(id): Id<WebshSessionId>,
    Body(request): Body<InviteWebsh>,
) -> ApiResult<Json<Value>> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    let row = view::own(&ctx, id).await?;
    share::invite(&ctx, &row, &request.emails, request.read_only).await?;
    Ok(Json(json!({})))
}

/// Close one's own terminal. One that is closed stays so.
#[utoipa::path(post, path = "/api/websh/sessions/{id}/close/", tag = "websh",
    params(("id" = WebshSessionId, Path)),
    responses((status = OK, body = WebshSession), (status = NOT_FOUND)))]
async fn close(
    ctx: Ctx,
    Id(id): Id<WebshSessionId>,
    Body(_): Body<Map<String, Value>>,
) -> ApiResult<Json<WebshSession>> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    let row = view::own(&ctx, id).await?;
    end(&ctx, &row, "close").await
}

/// Close anybody's terminal: superusers only.
#[utoipa::path(post, path = "/api/websh/sessions/{id}/force-close/", tag = "websh",
    params(("id" = WebshSessionId, Path)),
    responses((status = OK, body = WebshSession), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn force_close(
    ctx: Ctx,
    Id(id): Id<WebshSessionId>,
    Body(_): Body<Map<String, Value>>,
) -> ApiResult<Json<WebshSession>> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    ctx.principal.require_superuser()?;
    let row = view::find(&ctx, id).await?;
    end(&ctx, &row, "force_close").await
}

async fn end(
    ctx: &Ctx,
    row: &store::entity::websh_session::Model,
    action: &'static str,
) -> ApiResult<Json<WebshSession>> {
    if let Some(live) = ctx.app.websh.find(WebshSessionId(row.id)) {
        let unit = ctx.begin().await?;
        let description = "terminal closed on demand".to_owned();
        let data = json!({"server": row.server_id});
        unit.audit(share::record(ctx, row, action, description, data))
            .await?;
        unit.commit().await?;
        live.end(End::Closed);
    }
    Ok(Json(view::session(ctx, row).await?))
}

/// Watch a terminal: staff and superusers. Nothing typed reaches the host.
#[utoipa::path(post, path = "/api/websh/user-channels/", tag = "websh",
    request_body = CreateWebshChannel,
    responses((status = CREATED, body = WebshChannel), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn make_channel(
    ctx: Ctx,
    Body(request): Body<CreateWebshChannel>,
) -> ApiResult<(StatusCode, Json<WebshChannel>)> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let row = share::watchable(&ctx, request.session).await?;
    let channel = share::watch(&ctx, &row).await?;
    Ok((StatusCode::CREATED, Json(channel)))
}

/// Join a terminal that is shared.
#[utoipa::path(post, path = "/api/websh/user-channels/{id}/join/", tag = "websh",
    params(("id" = WebshChannelId, Path)), request_body = JoinWebsh,
    responses((status = OK, body = WebshChannel), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn join(
    ctx: Ctx,
    Id(id): Id<WebshChannelId>,
    Body(request): Body<JoinWebsh>,
) -> ApiResult<Json<WebshChannel>> {
    ctx.principal.require_scope(RESOURCE, "create")?;
    Ok(Json(share::join(&ctx, id, &request.password).await?))
}

/// The text of a recording, newest first.
#[utoipa::path(get, path = "/api/websh/sessions/{id}/records/", tag = "websh",
    params(("id" = WebshSessionId, Path), CursorParams),
    responses((status = OK, body = CursorPage<WebshRecord>), (status = NOT_FOUND)))]
async fn records(
    ctx: Ctx,
    Id(id): Id<WebshSessionId>,
    Params(params): Params<CursorParams>,
) -> ApiResult<Json<CursorPage<WebshRecord>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    view::visible(&ctx, id).await?;
    found(&ctx, &RecordScope::Session(id), None, &params).await
}

/// What is searched for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct SearchParams {
    /// Text that a line holds, in any case.
    q: String,
    #[serde(flatten)]
    #[param(ignore)]
    cursor: CursorParams,
}

/// Lines of a recording that hold a text, newest first.
#[utoipa::path(get, path = "/api/websh/sessions/{id}/search/", tag = "websh",
    params(("id" = WebshSessionId, Path), SearchParams, CursorParams),
    responses((status = OK, body = CursorPage<WebshRecord>), (status = NOT_FOUND)))]
async fn search(
    ctx: Ctx,
    Id(id): Id<WebshSessionId>,
    Params(params): Params<SearchParams>,
) -> ApiResult<Json<CursorPage<WebshRecord>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    view::visible(&ctx, id).await?;
    let scope = RecordScope::Session(id);
    found(&ctx, &scope, Some(&params.q), &params.cursor).await
}

/// Lines of all recordings that the caller may see that hold a text, newest first.
#[utoipa::path(get, path = "/api/websh/records/", tag = "websh",
    params(SearchParams, CursorParams),
    responses((status = OK, body = CursorPage<WebshRecord>)))]
async fn search_all(
    ctx: Ctx,
    Params(params): Params<SearchParams>,
) -> ApiResult<Json<CursorPage<WebshRecord>>> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let scope = match ctx.principal.user_id() {
        _ if view::sees_all(&ctx) => RecordScope::Everything,
        Some(user) => RecordScope::User(user),
        None => return Err(ApiError::forbidden("An application has no recordings.")),
    };
    found(&ctx, &scope, Some(&params.q), &params.cursor).await
}

async fn found(
    ctx: &Ctx,
    scope: &RecordScope,
    text: Option<&str>,
    params: &CursorParams,
) -> ApiResult<Json<CursorPage<WebshRecord>>> {
    if text.is_some_and(|text| text.len() > MAX_QUERY) {
        let detail = format!("q must not be longer than {MAX_QUERY} bytes.");
        return Err(ApiError::field(open::SOURCE, "q", detail));
    }
    if text.is_some_and(|text| text.contains('\0')) {
        let detail = "q holds a NUL character.";
        return Err(ApiError::field(open::SOURCE, "q", detail));
    }
    let (before, limit) = params.position()?;
    let text = text.filter(|text| !text.is_empty());
    let rows = ctx
        .tenant()
        .websh()
        .records(scope, text, before, limit)
        .await?;
    let is_full = rows.len() as u64 == limit;
    let next = rows
        .last()
        .filter(|_| is_full)
        .map(|row| row.id.to_string());
    let rows = rows.into_iter().map(|row| WebshRecord {
        added_at: Some(row.added_at),
        record: row.record,
        session: WebshSessionId(row.session_id),
    });
    let results = rows.collect();
    Ok(Json(CursorPage { next, results }))
}

/// A recording as an asciicast, which players show.
#[utoipa::path(get, path = "/api/websh/sessions/{id}/cast/", tag = "websh",
    params(("id" = WebshSessionId, Path)),
    responses((status = OK), (status = NOT_FOUND)))]
async fn cast(ctx: Ctx, Id(id): Id<WebshSessionId>) -> ApiResult<Response> {
    ctx.principal.require_scope(RESOURCE, "read")?;
    let row = view::visible(&ctx, id).await?;
    if row.purged_at.is_some() {
        return Err(ApiError::not_found());
    }
    let unit = ctx.begin().await?;
    let description = "recording of a terminal read".to_owned();
    unit.audit(share::record(&ctx, &row, "export", description, json!({})))
        .await?;
    unit.commit().await?;
    Response::builder()
        .header(CONTENT_TYPE, "application/x-asciicast")
        .header(
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}.cast\""),
        )
        .body(HttpBody::from_stream(recorder::pieces(recorder::folder(
            &ctx, id,
        ))))
        .map_err(ApiError::internal)
}

/// A new way in for an agent that has lost the connection of a terminal.
#[utoipa::path(post, path = "/api/websh/pty-channels/", tag = "agents",
    request_body = CreatePtyChannel,
    responses((status = CREATED, body = PtyChannel), (status = NOT_FOUND), (status = UNAUTHORIZED)))]
async fn recover(
    ctx: AgentCtx,
    AgentBody(request): AgentBody<CreatePtyChannel>,
) -> ApiResult<(StatusCode, Json<PtyChannel>)> {
    Ok((
        StatusCode::CREATED,
        Json(share::recover(&ctx, &request.session)?),
    ))
}
