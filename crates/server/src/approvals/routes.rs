//! Routes of requests (`rest-operations.md` §3).

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::approval::{Approval, CreatePlan, Status};
use protocol::code;
use protocol::id::{ApprovalId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::approvals::ApprovalFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::effect::Adjustment;
use super::review::{self, Word};
use super::{SOURCE, pages, view};
use crate::app::SharedApp;
use crate::commands;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};
use crate::mfa;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(own))
        .routes(routes!(detail))
        .routes(routes!(plan))
        .routes(routes!(cancel))
        .routes(routes!(approve))
        .routes(routes!(reject))
}

/// What the list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `pending`, `approved`, `rejected`, `cancelled`, `expired`.
    status: Option<String>,
    /// `work_session`, `work_session_mod`, `sudo`, `command`; other types of the
    /// public protocol are known and empty.
    request_type: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

impl Filter {
    fn read(&self, requested_by: Option<UserId>) -> ApiResult<ApprovalFilter> {
        let status = match self.status.as_deref().filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(Status::parse(text).ok_or_else(|| {
                let known = Status::ALL.map(Status::as_str).join(", ");
                ApiError::new(
                    StatusCode::BAD_REQUEST,
                    format!("status must be one of {known}."),
                )
                .code(code::INVALID_CHOICE, SOURCE)
            })?),
        };
        Ok(ApprovalFilter {
            status,
            request_type: self.request_type.clone().filter(|text| !text.is_empty()),
            requested_by,
            reviewer_groups: None,
        })
    }
}

async fn listed(
    ctx: &Ctx,
    filter: &Filter,
    requested_by: Option<UserId>,
) -> ApiResult<Json<Page<Approval>>> {
    let paging = filter.paging.paging()?;
    let filter = filter.read(requested_by)?;
    let (rows, count) = ctx.tenant().approvals().list(&filter, paging).await?;
    Ok(Json(page(view::all(ctx, &rows).await?, count, paging)))
}

/// Everybody's requests, newest first; for superusers.
#[utoipa::path(get, path = "/api/approvals/approvals/", tag = "approvals",
    params(Filter, PageParams),
    responses((status = OK, body = Page<Approval>), (status = FORBIDDEN)))]
async fn list(ctx: Ctx, Params(filter): Params<Filter>) -> ApiResult<Json<Page<Approval>>> {
    ctx.principal.require_scope("approval", "read")?;
    ctx.principal.require_superuser()?;
    listed(&ctx, &filter, None).await
}

/// One's own requests, newest first.
#[utoipa::path(get, path = "/api/approvals/approvals/-/", tag = "approvals",
    params(Filter, PageParams), responses((status = OK, body = Page<Approval>)))]
async fn own(ctx: Ctx, Params(filter): Params<Filter>) -> ApiResult<Json<Page<Approval>>> {
    ctx.principal.require_scope("approval", "read")?;
    let me = UserId(ctx.principal.require_user()?.id);
    listed(&ctx, &filter, Some(me)).await
}

/// A request.
#[utoipa::path(get, path = "/api/approvals/approvals/{id}/", tag = "approvals",
    params(("id" = ApprovalId, Path)),
    responses((status = OK, body = Approval), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<ApprovalId>) -> ApiResult<Json<Approval>> {
    ctx.principal.require_scope("approval", "read")?;
    let row = view::visible(&ctx, id).await?;
    let shown = view::all(&ctx, std::slice::from_ref(&row)).await?;
    shown
        .into_iter()
        .next()
        .map(Json)
        .ok_or_else(ApiError::not_found)
}

/// Ask for the approval of several commands at once; each may then be submitted once.
#[utoipa::path(post, path = "/api/approvals/plans/", tag = "approvals",
    request_body = CreatePlan,
    responses((status = CREATED, body = Approval), (status = FORBIDDEN)))]
async fn plan(
    ctx: Ctx,
    Body(request): Body<CreatePlan>,
) -> ApiResult<(StatusCode, Json<Approval>)> {
    let row = commands::ask_for_plan(&ctx, request).await?;
    let shown = view::all(&ctx, std::slice::from_ref(&row)).await?;
    let shown = shown.into_iter().next().ok_or_else(ApiError::not_found)?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Withdraw a request. A session that waits for it is cancelled with it.
#[utoipa::path(post, path = "/api/approvals/approvals/{id}/cancel/", tag = "approvals",
    params(("id" = ApprovalId, Path)),
    responses((status = OK), (status = BAD_REQUEST), (status = NOT_FOUND)))]
async fn cancel(ctx: Ctx, Id(id): Id<ApprovalId>) -> ApiResult<Json<Value>> {
    ctx.principal.require_scope("approval", "update")?;
    let row = view::visible(&ctx, id).await?;
    if row.status != Status::Pending.as_str() {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("A request that is {} cannot be cancelled.", row.status),
        ));
    }
    review::end(&ctx, &row, Status::Cancelled, ctx.principal.actor()).await?;
    Ok(Json(json!({})))
}

/// What a reviewer takes away from a new session.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default)]
struct Approve {
    /// The scopes that stay; absent: all.
    adjusted_scopes: Option<Vec<String>>,
    /// The servers that stay; absent: all.
    adjusted_servers: Option<Vec<Uuid>>,
}

/// Approve a request. Only where the workspace lets reviewers decide outside the browser.
#[utoipa::path(post, path = "/api/approvals/approvals/{id}/approve/", tag = "approvals",
    params(("id" = ApprovalId, Path)), request_body = Approve,
    responses((status = OK, body = Approval), (status = FORBIDDEN), (status = CONFLICT)))]
async fn approve(
    ctx: Ctx,
    Id(id): Id<ApprovalId>,
    Body(request): Body<Approve>,
) -> ApiResult<Json<Approval>> {
    let word = Word::Approve(Adjustment {
        scopes: request.adjusted_scopes,
        servers: request.adjusted_servers,
    });
    decide(&ctx, id, word).await
}

/// Why a request is rejected.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default)]
struct Reject {
    /// For the requester.
    reason: Option<String>,
}

/// Reject a request. Only where the workspace lets reviewers decide outside the browser.
#[utoipa::path(post, path = "/api/approvals/approvals/{id}/reject/", tag = "approvals",
    params(("id" = ApprovalId, Path)), request_body = Reject,
    responses((status = OK, body = Approval), (status = FORBIDDEN), (status = CONFLICT)))]
async fn reject(
    ctx: Ctx,
    Id(id): Id<ApprovalId>,
    Body(request): Body<Reject>,
) -> ApiResult<Json<Approval>> {
    let reason = request.reason.filter(|reason| !reason.trim().is_empty());
    let reason = reason.unwrap_or_else(|| "Rejected on the command line.".to_owned());
    decide(&ctx, id, Word::Reject(reason)).await
}

/// Takes a reviewer's word from a login that programs hold too: never by default, never
/// from a token, and never without a fresh second factor.
async fn decide(ctx: &Ctx, id: ApprovalId, word: Word) -> ApiResult<Json<Approval>> {
    view::visible(ctx, id).await?;
    if !ctx.workspace.settings.approve_from_cli || !ctx.principal.is_interactive() {
        return Err(ApiError::forbidden(format!(
            "Requests are approved and rejected in the browser: {}{}",
            ctx.base_url,
            pages::path(id)
        )));
    }
    mfa::require_fresh(ctx, SOURCE).await?;
    let user = ctx.principal.require_user()?;
    let row = review::review(ctx, user, id, word, "api").await?;
    let shown = view::all(ctx, std::slice::from_ref(&row)).await?;
    let shown = shown.into_iter().next().ok_or_else(ApiError::not_found)?;
    Ok(Json(shown))
}
