//! Routes of work sessions.

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::code;
use protocol::id::{UserId, WorkSessionId};
use protocol::work_session::{
    CreateWorkSession, ExtendWorkSession, Status, TimelineItem, UpdateWorkSession, WorkSession,
};
use serde::Deserialize;
use store::entity::work_session;
use store::work_sessions::SessionFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::create::SOURCE;
use super::lifecycle::{Transition, transit};
use super::{create, timeline, update, view};
use crate::app::SharedApp;
use crate::http::extract::{optional_flag, optional_id};
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create_session))
        .routes(routes!(detail, update_session))
        .routes(routes!(activate))
        .routes(routes!(complete))
        .routes(routes!(extend))
        .routes(routes!(revoke))
        .routes(routes!(cancel))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(session_timeline))
}

/// What the session list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ListFilter {
    /// A state, or several with commas.
    status: Option<String>,
    /// `user` or `agent`.
    requester_type: Option<String>,
    /// User id.
    assigned_user: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Work sessions, newest first: one's own; for superusers, all.
#[utoipa::path(get, path = "/api/work-sessions/sessions/", tag = "work-sessions",
    params(ListFilter, PageParams), responses((status = OK, body = Page<WorkSession>)))]
async fn list(ctx: Ctx, Params(filter): Params<ListFilter>) -> ApiResult<Json<Page<WorkSession>>> {
    let paging = filter.paging.paging()?;
    let statuses = match filter.status.as_deref() {
        None | Some("") => Vec::new(),
        Some(words) => words
            .split(',')
            .map(|word| {
                Status::parse(word.trim()).ok_or_else(|| {
                    let known = Status::ALL.map(Status::as_str).join(", ");
                    ApiError::new(
                        StatusCode::BAD_REQUEST,
                        format!("status must be one of {known}."),
                    )
                    .code(code::INVALID_CHOICE, SOURCE)
                })
            })
            .collect::<ApiResult<_>>()?,
    };
    let visible_to = match ctx.principal.is_superuser() {
        true => None,
        false => Some(UserId(ctx.principal.require_user()?.id)),
    };
    let filter = SessionFilter {
        statuses,
        requester_type: filter.requester_type.filter(|text| !text.is_empty()),
        assigned_user: optional_id("assigned_user", filter.assigned_user.as_deref())?,
        visible_to,
    };
    let (rows, count) = ctx.tenant().work_sessions().list(&filter, paging).await?;
    Ok(Json(page(
        view::sessions(&ctx, &rows).await?,
        count,
        paging,
    )))
}

/// Ask for a work session.
#[utoipa::path(post, path = "/api/work-sessions/sessions/", tag = "work-sessions",
    request_body = CreateWorkSession, responses((status = CREATED, body = WorkSession)))]
async fn create_session(
    ctx: Ctx,
    Body(request): Body<CreateWorkSession>,
) -> ApiResult<(StatusCode, Json<WorkSession>)> {
    let row = create::create(&ctx, request).await?;
    Ok((StatusCode::CREATED, Json(view::session(&ctx, &row).await?)))
}

/// A work session.
#[utoipa::path(get, path = "/api/work-sessions/sessions/{id}/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)),
    responses((status = OK, body = WorkSession), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<WorkSession>> {
    let row = view::visible(&ctx, id).await?;
    Ok(Json(view::session(&ctx, &row).await?))
}

/// Change a work session.
#[utoipa::path(patch, path = "/api/work-sessions/sessions/{id}/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), request_body = UpdateWorkSession,
    responses((status = OK, body = WorkSession), (status = NOT_FOUND)))]
async fn update_session(
    ctx: Ctx,
    Id(id): Id<WorkSessionId>,
    Body(request): Body<UpdateWorkSession>,
) -> ApiResult<Json<WorkSession>> {
    let row = view::visible(&ctx, id).await?;
    let row = update::update(&ctx, &row, request).await?;
    Ok(Json(view::session(&ctx, &row).await?))
}

/// Move the end of a session's window.
#[utoipa::path(post, path = "/api/work-sessions/sessions/{id}/extend/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), request_body = ExtendWorkSession,
    responses((status = OK, body = WorkSession), (status = NOT_FOUND)))]
async fn extend(
    ctx: Ctx,
    Id(id): Id<WorkSessionId>,
    Body(request): Body<ExtendWorkSession>,
) -> ApiResult<Json<WorkSession>> {
    let row = view::visible(&ctx, id).await?;
    let row = update::extend(&ctx, &row, request.expires_at).await?;
    Ok(Json(view::session(&ctx, &row).await?))
}

async fn moved(
    ctx: &Ctx,
    row: &work_session::Model,
    transition: Transition,
) -> ApiResult<Json<WorkSession>> {
    let row = transit(ctx, row, transition).await?;
    Ok(Json(view::session(ctx, &row).await?))
}

/// Start an approved session.
#[utoipa::path(post, path = "/api/work-sessions/sessions/{id}/activate/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), responses((status = OK, body = WorkSession)))]
async fn activate(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<WorkSession>> {
    let row = view::visible(&ctx, id).await?;
    moved(&ctx, &row, Transition::Activate).await
}

/// End one's session; what still runs in it is stopped.
#[utoipa::path(post, path = "/api/work-sessions/sessions/{id}/complete/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), responses((status = OK, body = WorkSession)))]
async fn complete(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<WorkSession>> {
    let row = view::visible(&ctx, id).await?;
    moved(&ctx, &row, Transition::Complete).await
}

/// End anybody's session at once. Superusers only.
#[utoipa::path(post, path = "/api/work-sessions/sessions/{id}/revoke/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), responses((status = OK, body = WorkSession)))]
async fn revoke(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<WorkSession>> {
    let row = view::visible(&ctx, id).await?;
    ctx.principal.require_superuser()?;
    moved(&ctx, &row, Transition::Revoke).await
}

/// Withdraw a pending session.
#[utoipa::path(post, path = "/api/work-sessions/sessions/{id}/cancel/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), responses((status = OK, body = WorkSession)))]
async fn cancel(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<WorkSession>> {
    let row = view::visible(&ctx, id).await?;
    moved(&ctx, &row, Transition::Cancel).await
}

/// Approvals happen out of band: a command-line credential never decides.
fn decided_elsewhere() -> ApiError {
    ApiError::forbidden(
        "Requests are not decided with a command-line credential; a superuser decides in the \
         console or in chat.",
    )
}

/// Not with a command-line credential.
#[utoipa::path(post, path = "/api/work-sessions/sessions/{id}/approve/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), responses((status = FORBIDDEN)))]
async fn approve(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<WorkSession>> {
    view::visible(&ctx, id).await?;
    Err(decided_elsewhere())
}

/// Not with a command-line credential.
#[utoipa::path(post, path = "/api/work-sessions/sessions/{id}/reject/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path)), responses((status = FORBIDDEN)))]
async fn reject(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<WorkSession>> {
    view::visible(&ctx, id).await?;
    Err(decided_elsewhere())
}

/// What a timeline holds besides its items.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct TimelineFilter {
    /// `true`: with the programs that commands started.
    include_programs: Option<String>,
    /// `true`: also what terminals showed.
    include_records: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// What happened in a session, newest first.
#[utoipa::path(get, path = "/api/work-sessions/sessions/{id}/timeline/", tag = "work-sessions",
    params(("id" = WorkSessionId, Path), TimelineFilter, PageParams),
    responses((status = OK, body = Page<TimelineItem>), (status = NOT_FOUND)))]
async fn session_timeline(
    ctx: Ctx,
    Id(id): Id<WorkSessionId>,
    Params(filter): Params<TimelineFilter>,
) -> ApiResult<Json<Page<TimelineItem>>> {
    let row = view::visible(&ctx, id).await?;
    let details = timeline::Details {
        programs: filter.include_programs.as_deref() == Some("true"),
        records: optional_flag("include_records", filter.include_records.as_deref())?
            .unwrap_or(false),
    };
    timeline::timeline(&ctx, &row, details, filter.paging.paging()?)
        .await
        .map(Json)
}
