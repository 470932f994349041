//! Routes of login and of the caller's own data (`rest-identity.md` §5, §7–§9).

use axum::Json;
use http::StatusCode;
use protocol::auth::{
    AuthEnvironment, AuthMethod, LoginRequest, LoginResponse, User, Whoami, WhoamiApplication,
    WhoamiAuth, WhoamiUser, extension,
};
use protocol::id::UserId;
use serde_json::{Value, json};
use store::entity::user;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Method, Subject, login, sessions};
use crate::app::SharedApp;
use crate::http::{ApiResult, Body, Ctx, PublicCtx};
use crate::{iam, oauth};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(environment))
        .routes(routes!(log_in))
        .routes(routes!(log_out))
        .routes(routes!(status))
        .routes(routes!(whoami))
        .routes(routes!(current_user))
        .routes(routes!(current_user_slash))
        .routes(routes!(sessions::list_own))
        .routes(routes!(sessions::end_own))
        .routes(routes!(sessions::end_all_own))
}

/// How a client may log in here.
#[utoipa::path(get, path = "/api/auth/env/", tag = "auth",
    responses((status = OK, body = AuthEnvironment)))]
async fn environment(ctx: PublicCtx) -> Json<AuthEnvironment> {
    // Clients put `https://` before the domain, so there is no browser login without.
    let (method, domain) = match ctx.base_url.strip_prefix("https://") {
        Some(domain) => ("auth0", domain.to_owned()),
        None => ("password", String::new()),
    };
    Json(AuthEnvironment {
        auth0: AuthMethod {
            method: method.to_owned(),
            client_id: oauth::CLI.to_owned(),
            domain,
            audience: oauth::AUDIENCE.to_owned(),
            schema_name: ctx.workspace.name.clone(),
            workspace_id: ctx.workspace.id.to_string(),
        },
        language: ctx.workspace.settings.language.clone(),
        extensions: extensions(&ctx),
    })
}

/// What this server adds to the public protocol.
fn extensions(ctx: &PublicCtx) -> Vec<String> {
    let mut extensions = vec![extension::EXEC_STREAM.to_owned()];
    if ctx.app.objects.streams() {
        extensions.push(extension::TRANSFER_STREAM.to_owned());
    }
    extensions
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
        Method::OAuth { .. } => "jwt",
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
        Subject::Application {
            id,
            name,
            service_type,
            username,
        } => Whoami {
            principal_type: "application".to_owned(),
            auth,
            application: Some(WhoamiApplication {
                id: *id,
                name: name.clone(),
                service_type: service_type.clone(),
                username: username.clone(),
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
    iam::user_view(ctx, user).await.map(Json)
}
