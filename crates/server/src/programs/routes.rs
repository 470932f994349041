//! Routes of the programs of a command.

use axum::Json;
use axum::extract::Path;
use protocol::Page;
use protocol::guard::{HeldProgram, Program};
use protocol::id::CommandId;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, Decision, answer};
use super::held;
use super::view::program;
use crate::app::SharedApp;
use crate::commands;
use crate::http::paging::page;
use crate::http::{ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};
use crate::mfa;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_held))
        .routes(routes!(give_answer))
}

/// What the list of programs may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ListFilter {
    /// `true`: only what was held or denied.
    not_allowed: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Programs that a command started, in their order.
#[utoipa::path(get, path = "/api/events/commands/{id}/programs/", tag = "commands",
    params(("id" = CommandId, Path), ListFilter, PageParams),
    responses((status = OK, body = Page<Program>), (status = NOT_FOUND)))]
async fn list(
    ctx: Ctx,
    Id(id): Id<CommandId>,
    Params(filter): Params<ListFilter>,
) -> ApiResult<Json<Page<Program>>> {
    ctx.principal.require_scope("command", "read")?;
    commands::visible(&ctx, id).await?;
    let not_allowed = match filter.not_allowed.as_deref() {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(ApiError::field(
                "guard",
                "not_allowed",
                "not_allowed must be true or false.",
            ));
        }
    };
    let paging = filter.paging.paging()?;
    let (rows, count) = ctx
        .tenant()
        .programs()
        .list(id, not_allowed, paging)
        .await?;
    Ok(Json(page(
        rows.iter().map(program).collect(),
        count,
        paging,
    )))
}

/// Programs of the workspace that wait for an answer, oldest first. Superusers only.
#[utoipa::path(get, path = "/api/approvals/programs/", tag = "approvals",
    responses((status = OK, body = Vec<HeldProgram>), (status = FORBIDDEN)))]
async fn list_held(ctx: Ctx) -> ApiResult<Json<Vec<HeldProgram>>> {
    ctx.principal.require_scope("approval", "read")?;
    ctx.principal.require_superuser()?;
    Ok(Json(held::held(&ctx).await?))
}

/// The answer about a held program.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerProgram {
    /// It may run.
    allow: bool,
}

/// Let a held program run, or deny it. Superusers only, and never about one's own.
#[utoipa::path(post, path = "/api/events/commands/{id}/programs/{seq}/answer/", tag = "commands",
    params(("id" = CommandId, Path), ("seq" = i64, Path)), request_body = AnswerProgram,
    responses((status = OK, body = Program), (status = FORBIDDEN), (status = CONFLICT)))]
async fn give_answer(
    ctx: Ctx,
    Path((id, seq)): Path<(String, String)>,
    Body(request): Body<AnswerProgram>,
) -> ApiResult<Json<Program>> {
    let id: CommandId = id.parse().map_err(|_| ApiError::not_found())?;
    let seq: i64 = seq.parse().map_err(|_| ApiError::not_found())?;
    let row = commands::visible(&ctx, id).await?;
    ctx.principal.require_superuser()?;
    if ctx.principal.token().is_some() {
        return Err(ApiError::forbidden(
            "A token never decides; a superuser does, logged in as a person.",
        ));
    }
    let user = ctx.principal.require_user()?;
    answer::check(user, &row)?;
    mfa::require_for_settings(&ctx, "guard").await?;
    let decision = Decision {
        seq,
        allow: request.allow,
        by: user,
    };
    answer(&ctx, ctx.principal.actor(), &row, decision).await?;
    let found = ctx.tenant().programs().find(id, seq).await?;
    found
        .map(|row| Json(program(&row)))
        .ok_or_else(ApiError::not_found)
}
