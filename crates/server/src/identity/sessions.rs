//! A user's logins: what there is, and ending it. For the API and the account page.

use axum::Json;
use http::StatusCode;
use protocol::auth::{EndSessions, LoginSession};
use protocol::id::{LoginId, UserId};
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::{login, user};

use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PublicCtx};

/// The logins of a user, the latest first.
pub(crate) async fn list(ctx: &PublicCtx, user: UserId) -> ApiResult<Vec<login::Model>> {
    Ok(ctx.tenant().identity().logins_of(user).await?)
}

/// Ends one login of `user`.
pub(crate) async fn end(ctx: &PublicCtx, user: &user::Model, id: LoginId) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    let owner = identity.login(id).await?.map(|(login, _)| login.user_id);
    if owner != Some(user.id) {
        return Err(ApiError::not_found());
    }
    identity.delete_login(id).await?;
    unit.audit(record(ctx, user, Some(id), "ended one of their logins"))
        .await?;
    unit.commit().await?;
    forget(ctx, id);
    Ok(())
}

/// Ends all logins of `user` but `keep`; says how many there were. What they agreed to
/// and nobody has fetched yet goes too.
pub(crate) async fn end_all(
    ctx: &PublicCtx,
    user: &user::Model,
    keep: Option<LoginId>,
) -> ApiResult<usize> {
    let owner = UserId(user.id);
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    let mut ended = Vec::new();
    for login in identity.logins_of(owner).await? {
        let id = LoginId(login.id);
        if Some(id) != keep && identity.delete_login(id).await? {
            ended.push(id);
        }
    }
    unit.tenant().oauth().drop_codes_of(owner).await?;
    unit.audit(record(ctx, user, None, "signed out everywhere"))
        .await?;
    unit.commit().await?;
    for id in &ended {
        forget(ctx, *id);
    }
    Ok(ended.len())
}

/// Lets a login that has ended reach nothing more on this node, at once.
pub(crate) fn forget(ctx: &PublicCtx, id: LoginId) {
    ctx.app.bearers.forget(id);
    ctx.app.events.close_of(id.0);
}

/// The same for all logins of a user.
pub(crate) fn forget_all(ctx: &PublicCtx, user: UserId) {
    ctx.app.bearers.forget_user(user);
    ctx.app.events.close_of_user(user);
}

fn record(ctx: &PublicCtx, user: &user::Model, id: Option<LoginId>, did: &str) -> AuditRecord {
    AuditRecord {
        actor: Actor::user(user),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: "login",
        object_id: id.map(|id| id.0),
        action: "delete",
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: format!("{} {did}", user.username),
        data: json!({}),
    }
}

/// The user behind a login: a token may not look at logins or end them.
fn person(ctx: &Ctx) -> ApiResult<&user::Model> {
    if !ctx.principal.is_interactive() {
        return Err(ApiError::forbidden(
            "A token cannot manage logins; log in first: alpacon login",
        ));
    }
    ctx.principal.require_user()
}

/// The caller's logins.
#[utoipa::path(get, path = "/api/auth/sessions/", tag = "auth",
    responses((status = OK, body = Vec<LoginSession>)))]
pub(super) async fn list_own(ctx: Ctx) -> ApiResult<Json<Vec<LoginSession>>> {
    let user = person(&ctx)?;
    let logins = list(&ctx, UserId(user.id)).await?;
    let current = ctx.principal.login();
    Ok(Json(
        logins.into_iter().map(|row| view(row, current)).collect(),
    ))
}

fn view(row: login::Model, current: Option<LoginId>) -> LoginSession {
    LoginSession {
        id: LoginId(row.id),
        is_current: current == Some(LoginId(row.id)),
        method: row.method,
        client: row.client,
        device: row.device,
        user_agent: row.user_agent,
        remote_ip: row.remote_ip,
        added_at: Some(row.added_at),
        seen_at: row.seen_at,
        expires_at: Some(row.expires_at),
    }
}

/// End one of the caller's logins.
#[utoipa::path(delete, path = "/api/auth/sessions/{id}/", tag = "auth",
    params(("id" = String, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
pub(super) async fn end_own(ctx: Ctx, Id(id): Id<LoginId>) -> ApiResult<StatusCode> {
    end(&ctx, person(&ctx)?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all of the caller's logins, this one only if asked.
#[utoipa::path(post, path = "/api/auth/sessions/end/", tag = "auth",
    request_body = EndSessions, responses((status = NO_CONTENT)))]
pub(super) async fn end_all_own(
    ctx: Ctx,
    Body(request): Body<EndSessions>,
) -> ApiResult<StatusCode> {
    let keep = ctx.principal.login().filter(|_| !request.include_current);
    end_all(&ctx, person(&ctx)?, keep).await?;
    Ok(StatusCode::NO_CONTENT)
}
