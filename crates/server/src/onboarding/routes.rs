//! Routes of invitations and passwords (`rest-identity.md` §17.2 and additions of ours).

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::auth::User;
use protocol::id::{InvitationId, UserId};
use protocol::onboarding::{
    AcceptInvitation, ChangePassword, CompletePasswordReset, Done, Invitation, Invite,
    ResetPassword,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{invitation, password, reset};
use crate::app::SharedApp;
use crate::http::paging::page;
use crate::http::{ApiResult, Body, Ctx, Id, PageParams, Params, PublicCtx};
use crate::iam;
use crate::identity::summary::Summaries;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(invite))
        .routes(routes!(invitations))
        .routes(routes!(revoke))
        .routes(routes!(accept))
        .routes(routes!(change_password))
        .routes(routes!(ask_reset))
        .routes(routes!(complete_reset))
        .routes(routes!(require_change))
}

/// Invite somebody by mail. An earlier invitation of the same address is void.
#[utoipa::path(post, path = "/api/workspaces/users/invite/", tag = "workspaces",
    request_body = Invite,
    responses((status = OK, body = Done), (status = BAD_REQUEST), (status = FORBIDDEN),
        (status = CONFLICT, description = "The server sends no mail.")))]
async fn invite(ctx: Ctx, Body(request): Body<Invite>) -> ApiResult<Json<Done>> {
    let row = invitation::create(&ctx, &request.email).await?;
    Ok(Json(Done {
        detail: vec![format!("An invitation is on its way to {}.", row.email)],
    }))
}

/// Invitations that nobody has taken yet.
#[utoipa::path(get, path = "/api/workspaces/invitations/", tag = "workspaces",
    params(PageParams), responses((status = OK, body = Page<Invitation>), (status = FORBIDDEN)))]
async fn invitations(
    ctx: Ctx,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<Page<Invitation>>> {
    ctx.principal.require_scope("user", "read")?;
    ctx.principal.require_staff()?;
    let paging = params.paging()?;
    let (rows, count) = ctx.tenant().identity().invitations(paging).await?;
    let inviters = rows.iter().filter_map(|row| row.invited_by);
    let summaries = Summaries::read(&ctx, inviters, []).await?;
    let shown = rows
        .into_iter()
        .map(|row| Invitation {
            id: InvitationId(row.id),
            email: row.email,
            invited_by: summaries.user(row.invited_by),
            added_at: Some(row.added_at),
            expires_at: Some(row.expires_at),
        })
        .collect();
    Ok(Json(page(shown, count, paging)))
}

/// Take an invitation back.
#[utoipa::path(delete, path = "/api/workspaces/invitations/{id}/", tag = "workspaces",
    params(("id" = InvitationId, Path)),
    responses((status = NO_CONTENT), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn revoke(ctx: Ctx, Id(id): Id<InvitationId>) -> ApiResult<StatusCode> {
    invitation::revoke(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take an invitation with the token from its mail: become a user.
#[utoipa::path(post, path = "/api/auth/invitations/accept/", tag = "auth",
    request_body = AcceptInvitation, security(()),
    responses((status = CREATED, body = User), (status = BAD_REQUEST)))]
async fn accept(
    ctx: PublicCtx,
    Body(request): Body<AcceptInvitation>,
) -> ApiResult<(StatusCode, Json<User>)> {
    let user = invitation::accept(&ctx, request).await?;
    let user = iam::user_view(&ctx, &user).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// Change a password by who knows it. Ends all logins of the user.
#[utoipa::path(post, path = "/api/auth/password/", tag = "auth",
    request_body = ChangePassword, security(()),
    responses((status = NO_CONTENT), (status = BAD_REQUEST), (status = UNAUTHORIZED)))]
async fn change_password(
    ctx: PublicCtx,
    Body(request): Body<ChangePassword>,
) -> ApiResult<StatusCode> {
    password::change_by_api(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask for a mail with leave to choose another password. The answer is the same whether
/// there is such a user or not.
#[utoipa::path(post, path = "/api/auth/password/reset/", tag = "auth",
    request_body = ResetPassword, security(()),
    responses((status = ACCEPTED, body = Done), (status = BAD_REQUEST)))]
async fn ask_reset(
    ctx: PublicCtx,
    Body(request): Body<ResetPassword>,
) -> ApiResult<(StatusCode, Json<Done>)> {
    reset::ask(&ctx, &request.login)?;
    let detail = "If there is such an account, a mail is on its way to its address.";
    let done = Done {
        detail: vec![detail.to_owned()],
    };
    Ok((StatusCode::ACCEPTED, Json(done)))
}

/// Choose another password with the token from the mail. Ends all logins of the user.
#[utoipa::path(post, path = "/api/auth/password/reset/complete/", tag = "auth",
    request_body = CompletePasswordReset, security(()),
    responses((status = NO_CONTENT), (status = BAD_REQUEST)))]
async fn complete_reset(
    ctx: PublicCtx,
    Body(request): Body<CompletePasswordReset>,
) -> ApiResult<StatusCode> {
    reset::complete(&ctx, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a user change their password before they log in again; their logins end.
#[utoipa::path(post, path = "/api/iam/users/{id}/require-password-change/", tag = "iam",
    params(("id" = UserId, Path)),
    responses((status = NO_CONTENT), (status = FORBIDDEN), (status = NOT_FOUND)))]
async fn require_change(ctx: Ctx, Id(id): Id<UserId>) -> ApiResult<StatusCode> {
    password::require_change(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
