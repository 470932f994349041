//! Routes of login and of the caller's own data (`rest-identity.md` §5, §7–§9).

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use protocol::Page;
use protocol::auth::{
    AuthEnvironment, AuthMethod, LoginRequest, LoginResponse, User, Whoami, WhoamiApplication,
    WhoamiAuth, WhoamiUser, extension,
};
use protocol::iam::Membership;
use protocol::id::{GroupId, MembershipId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::entity::{group, membership, user};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::summary::Summaries;
use super::{Method, Subject, login};
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params, PublicCtx};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(environment))
        .routes(routes!(log_in))
        .routes(routes!(log_out))
        .routes(routes!(status))
        .routes(routes!(whoami))
        .routes(routes!(current_user))
        .routes(routes!(current_user_slash))
        .routes(routes!(users))
        .routes(routes!(user_detail))
        .routes(routes!(memberships))
}

/// How a client may log in here.
#[utoipa::path(get, path = "/api/auth/env/", tag = "auth",
    responses((status = OK, body = AuthEnvironment)))]
async fn environment(ctx: PublicCtx) -> Json<AuthEnvironment> {
    Json(AuthEnvironment {
        auth0: AuthMethod {
            method: "password".to_owned(),
            schema_name: ctx.workspace.name.clone(),
            workspace_id: ctx.workspace.id.to_string(),
            ..AuthMethod::default()
        },
        language: ctx.workspace.settings.language.clone(),
        extensions: vec![extension::EXEC_STREAM.to_owned()],
    })
}

/// Log in with a password.
#[utoipa::path(post, path = "/api/auth/login/", tag = "auth", request_body = LoginRequest,
    responses((status = OK, body = LoginResponse), (status = UNAUTHORIZED)))]
async fn log_in(
    ctx: PublicCtx,
    Body(request): Body<LoginRequest>,
) -> ApiResult<Json<LoginResponse>> {
    login::log_in(&ctx, request).await.map(Json)
}

/// End the login; an API token stays.
#[utoipa::path(post, path = "/api/auth/logout/", tag = "auth", responses((status = NO_CONTENT)))]
async fn log_out(ctx: Ctx) -> ApiResult<StatusCode> {
    login::log_out(&ctx, &ctx.principal).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The credential is valid.
#[utoipa::path(get, path = "/api/status/", tag = "auth", responses((status = OK)))]
async fn status(_ctx: Ctx) -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/auth/whoami/", tag = "auth",
    responses((status = OK, body = Whoami)))]
async fn whoami(ctx: Ctx) -> Json<Whoami> {
    let method = match &ctx.principal.method {
        Method::Password { .. } => "password",
        Method::PersonalToken { .. } => "api_token",
        Method::ServiceToken { .. } => "service_token",
    };
    let auth = WhoamiAuth {
        method: method.to_owned(),
        scopes: ctx.principal.scopes(),
    };
    let work_session_required = Some(crate::gate::needs_work_session(&ctx));
    Json(match &ctx.principal.subject {
        Subject::User(user) => Whoami {
            principal_type: "user".to_owned(),
            auth,
            application: None,
            user: Some(WhoamiUser {
                id: UserId(user.id),
                username: user.username.clone(),
                email: user.email.clone(),
                role: role(user).to_owned(),
            }),
            work_session_required,
        },
        Subject::Application { id, name } => Whoami {
            principal_type: "application".to_owned(),
            auth,
            application: Some(WhoamiApplication {
                id: *id,
                name: name.clone(),
                ..WhoamiApplication::default()
            }),
            user: None,
            work_session_required,
        },
    })
}

fn role(user: &user::Model) -> &'static str {
    match (user.is_superuser, user.is_staff) {
        (true, _) => "superuser",
        (false, true) => "staff",
        (false, false) => "user",
    }
}

/// The caller's account.
#[utoipa::path(get, path = "/api/iam/users/-/", tag = "iam", responses((status = OK, body = User)))]
async fn current_user_slash(ctx: Ctx) -> ApiResult<Json<User>> {
    own_account(&ctx).await
}

/// The caller's account; the one path without a trailing slash.
#[utoipa::path(get, path = "/api/iam/users/-", tag = "iam", responses((status = OK, body = User)))]
async fn current_user(ctx: Ctx) -> ApiResult<Json<User>> {
    own_account(&ctx).await
}

async fn own_account(ctx: &Ctx) -> ApiResult<Json<User>> {
    let user = ctx.principal.require_user()?;
    Ok(Json(with_groups(ctx, user).await?))
}

async fn with_groups(ctx: &PublicCtx, user: &user::Model) -> ApiResult<User> {
    let groups = ctx
        .tenant()
        .identity()
        .memberships(Some(UserId(user.id)), None)
        .await?;
    Ok(account(user, groups.len() as u64))
}

fn account(user: &user::Model, num_groups: u64) -> User {
    User {
        id: UserId(user.id),
        username: user.username.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        tags: user.tags.clone(),
        description: user.description.clone(),
        num_groups,
        uid: user.uid,
        shell: user.shell.clone(),
        home_directory: user.home_directory.clone(),
        is_active: user.is_active,
        is_staff: user.is_staff,
        is_superuser: user.is_superuser,
        is_ldap_user: user.is_ldap_user,
        date_joined: Some(user.date_joined),
    }
}

/// What the user list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct UserFilter {
    /// Exact account name.
    username: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Users.
#[utoipa::path(get, path = "/api/iam/users/", tag = "iam", params(UserFilter, PageParams),
    responses((status = OK, body = Page<User>)))]
async fn users(ctx: Ctx, Params(filter): Params<UserFilter>) -> ApiResult<Json<Page<User>>> {
    ctx.principal.require_scope("user", "read")?;
    let paging = filter.paging.paging()?;
    let username = filter.username.as_deref();
    let (rows, count) = ctx.tenant().identity().users(username, paging).await?;
    let mut users = Vec::with_capacity(rows.len());
    for row in &rows {
        users.push(with_groups(&ctx, row).await?);
    }
    Ok(Json(page(users, count, paging)))
}

/// A user.
#[utoipa::path(get, path = "/api/iam/users/{id}/", tag = "iam", params(("id" = UserId, Path)),
    responses((status = OK, body = User), (status = NOT_FOUND)))]
async fn user_detail(ctx: Ctx, Id(id): Id<UserId>) -> ApiResult<Json<User>> {
    ctx.principal.require_scope("user", "read")?;
    let user = ctx
        .tenant()
        .identity()
        .user(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(Json(with_groups(&ctx, &user).await?))
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
async fn memberships(ctx: Ctx, Params(filter): Params<MembershipFilter>) -> ApiResult<Response> {
    ctx.principal.require_scope("membership", "read")?;
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
        .map(|(row, group)| membership(&row, group, &summaries))
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

fn membership(row: &membership::Model, group: group::Model, summaries: &Summaries) -> Membership {
    Membership {
        id: MembershipId(row.id),
        group: GroupId(row.group_id),
        group_name: group.name,
        user: summaries.user(Some(row.user_id)).unwrap_or_default(),
        role: row.role.clone(),
    }
}
