//! Routes of locks: an addition of ours.

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::id::LockId;
use protocol::lock::{CreateLock, Lock};
use serde::Deserialize;
use store::locks::LockKind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::lock::{self, SOURCE};
use super::view;
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
}

/// What the lock list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct LockFilter {
    /// `user`, `token`, `work_session`, `server` or `workspace`.
    kind: Option<String>,
    /// Id of what is locked.
    object: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// What is locked.
#[utoipa::path(get, path = "/api/security/locks/", tag = "security",
    params(LockFilter, PageParams),
    responses((status = OK, body = Page<Lock>), (status = FORBIDDEN)))]
async fn list(ctx: Ctx, Params(filter): Params<LockFilter>) -> ApiResult<Json<Page<Lock>>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    ctx.principal.require_staff()?;
    let paging = filter.paging.paging()?;
    let object: Option<Uuid> = optional_id("object", filter.object.as_deref())?;
    let kind = match filter.kind.as_deref() {
        None | Some("") => None,
        Some(word) => match LockKind::parse(word) {
            Some(kind) => Some(kind),
            None => return Ok(Json(page(Vec::new(), 0, paging))),
        },
    };
    let (rows, count) = ctx.tenant().locks().list(kind, object, paging).await?;
    let locks = view::locks(&ctx, rows).await?;
    Ok(Json(page(locks, count, paging)))
}

/// Lock a user, a token, a work session, a server or the workspace. What runs ends
/// within a second, and nothing new starts.
#[utoipa::path(post, path = "/api/security/locks/", tag = "security", request_body = CreateLock,
    responses((status = CREATED, body = Lock), (status = FORBIDDEN), (status = NOT_FOUND),
        (status = CONFLICT)))]
async fn create(ctx: Ctx, Body(request): Body<CreateLock>) -> ApiResult<(StatusCode, Json<Lock>)> {
    let row = lock::create(&ctx, request).await?;
    let mut locks = view::locks(&ctx, vec![row]).await?;
    Ok((StatusCode::CREATED, Json(locks.pop().unwrap_or_default())))
}

/// Unlock.
#[utoipa::path(delete, path = "/api/security/locks/{id}/", tag = "security",
    params(("id" = LockId, Path)),
    responses((status = NO_CONTENT), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<LockId>) -> ApiResult<StatusCode> {
    lock::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
