//! Routes of users (`rest-identity.md` §14, §17.1).

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::auth::User;
use protocol::iam::{CreateUser, SetUsername, UsernameSet};
use protocol::id::UserId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::user::{self, SOURCE};
use super::{user_change, user_view, username};
use crate::app::SharedApp;
use crate::http::extract::optional_flag;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail, change, delete))
        .routes(routes!(choose_username))
}

/// What the user list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct UserFilter {
    /// Exact account name.
    username: Option<String>,
    /// `true` or `false`.
    is_active: Option<String>,
    /// `true` or `false`.
    is_staff: Option<String>,
    /// `true` or `false`.
    is_superuser: Option<String>,
    /// `true` or `false`.
    is_ldap_user: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Users: superusers first, then staff, then the others.
#[utoipa::path(get, path = "/api/iam/users/", tag = "iam", params(UserFilter, PageParams),
    responses((status = OK, body = Page<User>)))]
async fn list(ctx: Ctx, Params(filter): Params<UserFilter>) -> ApiResult<Json<Page<User>>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let paging = filter.paging.paging()?;
    let wanted = store::identity::UserFilter {
        is_active: optional_flag("is_active", filter.is_active.as_deref())?,
        is_staff: optional_flag("is_staff", filter.is_staff.as_deref())?,
        is_superuser: optional_flag("is_superuser", filter.is_superuser.as_deref())?,
        is_ldap_user: optional_flag("is_ldap_user", filter.is_ldap_user.as_deref())?,
        username: filter.username,
    };
    let (rows, count) = ctx.tenant().identity().users(&wanted, paging).await?;
    let users = user_view::users(&ctx, &rows).await?;
    Ok(Json(page(users, count, paging)))
}

/// A user.
#[utoipa::path(get, path = "/api/iam/users/{id}/", tag = "iam", params(("id" = UserId, Path)),
    responses((status = OK, body = User), (status = NOT_FOUND)))]
async fn detail(ctx: Ctx, Id(id): Id<UserId>) -> ApiResult<Json<User>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let row = ctx
        .tenant()
        .identity()
        .user(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    user_view::user(&ctx, &row).await.map(Json)
}

/// Create a user. Staff create users, superusers also staff and superusers.
#[utoipa::path(post, path = "/api/iam/users/", tag = "iam", request_body = CreateUser,
    responses((status = CREATED, body = User), (status = FORBIDDEN)))]
async fn create(ctx: Ctx, Body(request): Body<CreateUser>) -> ApiResult<(StatusCode, Json<User>)> {
    let row = user::create(&ctx, request).await?;
    let user = user_view::user(&ctx, &row).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Change a user. Takes the whole document as it was read; privileges only change by
/// a superuser.
#[utoipa::path(patch, path = "/api/iam/users/{id}/", tag = "iam",
    params(("id" = UserId, Path)), request_body = User,
    responses((status = OK, body = User), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn change(
    ctx: Ctx,
    Id(id): Id<UserId>,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<User>> {
    let row = user_change::change(&ctx, id, &document).await?;
    user_view::user(&ctx, &row).await.map(Json)
}

/// Delete a user; their logins, tokens, sessions and commands end.
#[utoipa::path(delete, path = "/api/iam/users/{id}/", tag = "iam",
    params(("id" = UserId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn delete(ctx: Ctx, Id(id): Id<UserId>) -> ApiResult<StatusCode> {
    user::delete(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Choose the caller's system username, once.
#[utoipa::path(post, path = "/api/iam/username/", tag = "iam", request_body = SetUsername,
    responses((status = OK, body = UsernameSet), (status = BAD_REQUEST)))]
async fn choose_username(
    ctx: Ctx,
    Body(request): Body<SetUsername>,
) -> ApiResult<Json<UsernameSet>> {
    username::choose(&ctx, &request.username).await.map(Json)
}
