//! Routes of presence and of factors (`rest-identity.md` §13.1).

use axum::Json;
use http::StatusCode;
use protocol::id::UserId;
use protocol::mfa::{MfaCompletion, MfaLink, UserMfa};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{admin, link};
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::{ApiResult, Ctx, Id, Params};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(mfa_link))
        .routes(routes!(mfa_completion))
        .routes(routes!(user_mfa, reset_user_mfa))
}

/// What presence is proved for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct LinkQuery {
    /// Who asks; always `cli`.
    #[serde(rename = "location")]
    _location: String,
    /// The server that the caller wants to work on.
    server: Option<String>,
    /// Name of the workspace; the host decides.
    #[serde(rename = "workspace")]
    _workspace: String,
}

/// An address at which the caller proves presence, for three minutes.
#[utoipa::path(get, path = "/api/auth0/mfa/", tag = "auth", params(LinkQuery),
    responses((status = OK, body = MfaLink), (status = FORBIDDEN)))]
async fn mfa_link(ctx: Ctx, Params(query): Params<LinkQuery>) -> ApiResult<Json<MfaLink>> {
    let server = optional_id("server", query.server.as_deref())?;
    let mfa_url = link::create(&ctx, server).await?;
    Ok(Json(MfaLink { mfa_url }))
}

/// Whether the caller proved presence recently enough.
#[utoipa::path(get, path = "/api/auth0/mfa/completion/", tag = "auth",
    responses((status = OK, body = MfaCompletion)))]
async fn mfa_completion(ctx: Ctx) -> ApiResult<Json<MfaCompletion>> {
    let completed = link::is_completed(&ctx).await?;
    Ok(Json(MfaCompletion { completed }))
}

/// The second factors of a user.
#[utoipa::path(get, path = "/api/iam/users/{id}/mfa/", tag = "iam",
    params(("id" = UserId, Path)),
    responses((status = OK, body = UserMfa), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn user_mfa(ctx: Ctx, Id(id): Id<UserId>) -> ApiResult<Json<UserMfa>> {
    admin::show(&ctx, id).await.map(Json)
}

/// Remove all second factors of a user who lost theirs; their logins end.
#[utoipa::path(delete, path = "/api/iam/users/{id}/mfa/", tag = "iam",
    params(("id" = UserId, Path)),
    responses((status = NO_CONTENT), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn reset_user_mfa(ctx: Ctx, Id(id): Id<UserId>) -> ApiResult<StatusCode> {
    admin::reset(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
