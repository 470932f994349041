//! Routes of memberships (`rest-identity.md` §15.3, §17.4).

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use protocol::Page;
use protocol::iam::{CreateMembership, Membership};
use protocol::id::{GroupId, MembershipId, UserId};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::membership::{self, SOURCE};
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};
use crate::identity::summary::Summaries;

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(delete))
}

/// What the membership list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct MembershipFilter {
    /// User id.
    user: Option<String>,
    /// Group id.
    group: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Memberships: a page where paging is asked for, else a bare array
/// (`rest-identity.md` §15.3).
#[utoipa::path(get, path = "/api/iam/memberships/", tag = "iam", params(MembershipFilter, PageParams),
    responses((status = OK, body = Page<Membership>)))]
async fn list(ctx: Ctx, Params(filter): Params<MembershipFilter>) -> ApiResult<Response> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let user = optional_id::<UserId>("user", filter.user.as_deref())?;
    let group = optional_id::<GroupId>("group", filter.group.as_deref())?;
    let rows = ctx
        .tenant()
        .identity()
        .memberships(user, group.map(|id| id.0))
        .await?;
    let summaries = Summaries::read(&ctx, rows.iter().map(|(row, _)| row.user_id), []).await?;
    let all: Vec<Membership> = rows
        .into_iter()
        .map(|(row, group)| membership::view(&row, group, &summaries))
        .collect();
    if !filter.paging.is_given() {
        if all.is_empty() && user.is_some() && group.is_some() {
            // The public CLI takes the first element unseen.
            return Err(ApiError::not_found());
        }
        return Ok(Json(all).into_response());
    }
    let paging = filter.paging.paging()?;
    let count = all.len() as u64;
    let skip = usize::try_from((paging.page - 1).saturating_mul(paging.size)).unwrap_or(usize::MAX);
    let take = usize::try_from(paging.size).unwrap_or(usize::MAX);
    let rows = all.into_iter().skip(skip).take(take).collect();
    Ok(Json(page(rows, count, paging)).into_response())
}

/// Make a user a member. Staff and the group's owners and managers may; owners are
/// made by owners and superusers.
#[utoipa::path(post, path = "/api/iam/memberships/", tag = "iam",
    request_body = CreateMembership,
    responses((status = CREATED, body = Membership), (status = FORBIDDEN), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateMembership>,
) -> ApiResult<(StatusCode, Json<Membership>)> {
    let membership = membership::create(&ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(membership)))
}

/// End a membership.
#[utoipa::path(delete, path = "/api/iam/memberships/{id}/", tag = "iam",
    params(("id" = MembershipId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<MembershipId>) -> ApiResult<StatusCode> {
    membership::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
