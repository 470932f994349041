//! Routes of the lists that bound tokens (`rest-identity.md` §20).

use axum::Json;
use http::StatusCode;
use protocol::Page;
use protocol::id::{AclId, TokenId};
use protocol::token::{AddServerRule, CommandRule, FileRule, ServerRule, ServerRules};
use serde::Deserialize;
use store::Paging;
use store::acl::AclKind;
use store::entity::api_token;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{acl, owner};
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};

pub(super) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(commands, add_command))
        .routes(routes!(remove_command))
        .routes(routes!(servers, add_server))
        .routes(routes!(add_servers))
        .routes(routes!(remove_servers))
        .routes(routes!(remove_server))
        .routes(routes!(files, add_file))
        .routes(routes!(remove_file))
}

/// Whose rules to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct RuleFilter {
    /// Token id.
    token: Option<String>,
    /// The same, of a personal token.
    api_token: Option<String>,
    /// Token id, of an application's token.
    service_token: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

impl RuleFilter {
    async fn read(&self, ctx: &Ctx) -> ApiResult<(api_token::Model, Paging)> {
        owner::manager(ctx)?;
        let personal = match optional_id::<TokenId>("token", self.token.as_deref())? {
            Some(id) => Some(id),
            None => optional_id("api_token", self.api_token.as_deref())?,
        };
        let service = optional_id("service_token", self.service_token.as_deref())?;
        if personal.is_none() && service.is_none() {
            let detail = "The parameter token or service_token is required.";
            return Err(ApiError::field("token", "token", detail));
        }
        let personal = personal.unwrap_or_default();
        let token = owner::bounded(ctx, personal, service.unwrap_or_default()).await?;
        Ok((token, self.paging.paging()?))
    }
}

/// Command rules of a token.
#[utoipa::path(get, path = "/api/security/command-acl/", tag = "security",
    params(RuleFilter, PageParams), responses((status = OK, body = Page<CommandRule>)))]
async fn commands(
    ctx: Ctx,
    Params(filter): Params<RuleFilter>,
) -> ApiResult<Json<Page<CommandRule>>> {
    let (token, paging) = filter.read(&ctx).await?;
    let acl = ctx.tenant().acl();
    let (rows, count) = acl.command_page(TokenId(token.id), paging).await?;
    let view = |row| acl::command_view(row, &token);
    Ok(Json(page(
        rows.into_iter().map(view).collect(),
        count,
        paging,
    )))
}

/// Allow a token a command.
#[utoipa::path(post, path = "/api/security/command-acl/", tag = "security",
    request_body = CommandRule, responses((status = CREATED, body = CommandRule)))]
async fn add_command(
    ctx: Ctx,
    Body(rule): Body<CommandRule>,
) -> ApiResult<(StatusCode, Json<CommandRule>)> {
    let rule = acl::add_command(&ctx, rule).await?;
    Ok((StatusCode::CREATED, Json(rule)))
}

/// Remove a command rule.
#[utoipa::path(delete, path = "/api/security/command-acl/{id}/", tag = "security",
    params(("id" = AclId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn remove_command(ctx: Ctx, Id(id): Id<AclId>) -> ApiResult<StatusCode> {
    acl::remove(&ctx, AclKind::Command, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Server rules of a token.
#[utoipa::path(get, path = "/api/security/server-acl/", tag = "security",
    params(RuleFilter, PageParams), responses((status = OK, body = Page<ServerRule>)))]
async fn servers(
    ctx: Ctx,
    Params(filter): Params<RuleFilter>,
) -> ApiResult<Json<Page<ServerRule>>> {
    let (token, paging) = filter.read(&ctx).await?;
    let acl = ctx.tenant().acl();
    let (rows, count) = acl.server_page(TokenId(token.id), paging).await?;
    let rows = acl::server_views(&ctx, rows, &token).await?;
    Ok(Json(page(rows, count, paging)))
}

/// Allow a token a server.
#[utoipa::path(post, path = "/api/security/server-acl/", tag = "security",
    request_body = AddServerRule,
    responses((status = CREATED, body = ServerRule), (status = CONFLICT)))]
async fn add_server(
    ctx: Ctx,
    Body(rule): Body<AddServerRule>,
) -> ApiResult<(StatusCode, Json<ServerRule>)> {
    let rule = acl::add_server(&ctx, rule).await?;
    Ok((StatusCode::CREATED, Json(rule)))
}

/// Allow a token several servers.
#[utoipa::path(post, path = "/api/security/server-acl/bulk/", tag = "security",
    request_body = ServerRules, responses((status = CREATED, body = Vec<ServerRule>)))]
async fn add_servers(
    ctx: Ctx,
    Body(rules): Body<ServerRules>,
) -> ApiResult<(StatusCode, Json<Vec<ServerRule>>)> {
    let rules = acl::add_bulk(&ctx, &rules).await?;
    Ok((StatusCode::CREATED, Json(rules)))
}

/// Remove a token's rules for several servers.
#[utoipa::path(post, path = "/api/security/server-acl/bulk/delete/", tag = "security",
    request_body = ServerRules, responses((status = NO_CONTENT)))]
async fn remove_servers(ctx: Ctx, Body(rules): Body<ServerRules>) -> ApiResult<StatusCode> {
    acl::remove_bulk(&ctx, &rules).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a server rule.
#[utoipa::path(delete, path = "/api/security/server-acl/{id}/", tag = "security",
    params(("id" = AclId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn remove_server(ctx: Ctx, Id(id): Id<AclId>) -> ApiResult<StatusCode> {
    acl::remove(&ctx, AclKind::Server, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// File rules of a token.
#[utoipa::path(get, path = "/api/security/file-acl/", tag = "security",
    params(RuleFilter, PageParams), responses((status = OK, body = Page<FileRule>)))]
async fn files(ctx: Ctx, Params(filter): Params<RuleFilter>) -> ApiResult<Json<Page<FileRule>>> {
    let (token, paging) = filter.read(&ctx).await?;
    let acl = ctx.tenant().acl();
    let (rows, count) = acl.file_page(TokenId(token.id), paging).await?;
    let view = |row| acl::file_view(row, &token);
    Ok(Json(page(
        rows.into_iter().map(view).collect(),
        count,
        paging,
    )))
}

/// Allow a token a path.
#[utoipa::path(post, path = "/api/security/file-acl/", tag = "security",
    request_body = FileRule, responses((status = CREATED, body = FileRule)))]
async fn add_file(ctx: Ctx, Body(rule): Body<FileRule>) -> ApiResult<(StatusCode, Json<FileRule>)> {
    let rule = acl::add_file(&ctx, rule).await?;
    Ok((StatusCode::CREATED, Json(rule)))
}

/// Remove a file rule.
#[utoipa::path(delete, path = "/api/security/file-acl/{id}/", tag = "security",
    params(("id" = AclId, Path)), responses((status = NO_CONTENT), (status = NOT_FOUND)))]
async fn remove_file(ctx: Ctx, Id(id): Id<AclId>) -> ApiResult<StatusCode> {
    acl::remove(&ctx, AclKind::File, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
