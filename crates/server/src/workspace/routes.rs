//! Routes of workspace settings (`rest-identity.md` §21).

use axum::Json;
use protocol::workspace::{AccessControl, MfaMethods, Preferences, Security, TransferPolicy};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::change::change;
use super::documents::{Part, SOURCE};
use crate::app::SharedApp;
use crate::external_judge::ExternalJudge;
use crate::http::{ApiError, ApiResult, Body, Ctx, Document};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(preferences, change_preferences))
        .routes(routes!(access_control, change_access_control))
        .routes(routes!(security, change_security))
        .routes(routes!(mfa_methods))
        .routes(routes!(transfer_policy, change_transfer_policy))
        .merge(super::usage::routes())
}

fn read<P: Part>(ctx: &Ctx) -> ApiResult<Json<P>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    Ok(Json(P::of(&ctx.workspace.settings)))
}

/// The workspace's preferences.
#[utoipa::path(get, path = "/api/workspaces/preferences/-/", tag = "workspaces",
    responses((status = OK, body = Preferences)))]
async fn preferences(ctx: Ctx) -> ApiResult<Json<Preferences>> {
    read(&ctx)
}

/// Change the workspace's preferences. Takes the whole document as it was read.
#[utoipa::path(patch, path = "/api/workspaces/preferences/-/", tag = "workspaces",
    request_body = Preferences,
    responses((status = OK, body = Preferences), (status = FORBIDDEN)))]
async fn change_preferences(
    ctx: Ctx,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<Preferences>> {
    change(&ctx, &document).await.map(Json)
}

/// What logins and tokens may do on servers.
#[utoipa::path(get, path = "/api/workspaces/access-control/-/", tag = "workspaces",
    responses((status = OK, body = AccessControl)))]
async fn access_control(ctx: Ctx) -> ApiResult<Json<AccessControl>> {
    read(&ctx)
}

/// Change what logins and tokens may do on servers. Takes the whole document as it was
/// read; agents are told at once.
#[utoipa::path(patch, path = "/api/workspaces/access-control/-/", tag = "workspaces",
    request_body = AccessControl,
    responses((status = OK, body = AccessControl), (status = FORBIDDEN)))]
async fn change_access_control(
    ctx: Ctx,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<AccessControl>> {
    check_external_judge(&ctx, &document)?;
    change(&ctx, &document).await.map(Json)
}

/// Refuses a judge that may not be asked.
fn check_external_judge(ctx: &Ctx, document: &Map<String, Value>) -> ApiResult<()> {
    let name = "external_judge";
    let judge = Document::new(document, SOURCE).object(name, ExternalJudge::FORM)?;
    let judge: ExternalJudge = judge.unwrap_or_default();
    match judge.fault(ctx.app.external_judges.addresses()) {
        None => Ok(()),
        Some(fault) => Err(ApiError::field(SOURCE, name, format!("{name}: {fault}."))),
    }
}

/// How people log in.
#[utoipa::path(get, path = "/api/workspaces/security/-/", tag = "workspaces",
    responses((status = OK, body = Security)))]
async fn security(ctx: Ctx) -> ApiResult<Json<Security>> {
    read(&ctx)
}

/// Change how people log in. Takes the whole document as it was read.
#[utoipa::path(patch, path = "/api/workspaces/security/-/", tag = "workspaces",
    request_body = Security,
    responses((status = OK, body = Security), (status = FORBIDDEN)))]
async fn change_security(
    ctx: Ctx,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<Security>> {
    change(&ctx, &document).await.map(Json)
}

/// What transfers let through.
#[utoipa::path(get, path = "/api/workspaces/transfer-policy/-/", tag = "workspaces",
    responses((status = OK, body = TransferPolicy)))]
async fn transfer_policy(ctx: Ctx) -> ApiResult<Json<TransferPolicy>> {
    read(&ctx)
}

/// Change what transfers let through. Takes the whole document as it was read.
#[utoipa::path(patch, path = "/api/workspaces/transfer-policy/-/", tag = "workspaces",
    request_body = TransferPolicy,
    responses((status = OK, body = TransferPolicy), (status = FORBIDDEN)))]
async fn change_transfer_policy(
    ctx: Ctx,
    Body(document): Body<Map<String, Value>>,
) -> ApiResult<Json<TransferPolicy>> {
    change(&ctx, &document).await.map(Json)
}

/// Second factors that count here.
#[utoipa::path(get, path = "/api/workspaces/security/-/mfa-methods/", tag = "workspaces",
    responses((status = OK, body = MfaMethods)))]
async fn mfa_methods(ctx: Ctx) -> ApiResult<Json<MfaMethods>> {
    ctx.principal.require_scope(SOURCE, "read")?;
    let settings = &ctx.workspace.settings;
    Ok(Json(MfaMethods {
        allowed_mfa_methods: settings.allowed_mfa_methods.clone(),
        passkey_as_mfa: settings.passkey_as_mfa,
    }))
}
