//! Routes of commands (`rest-operations.md` §4) and of their reports
//! (`agent-control.md` §10).

use axum::Json;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use protocol::Page;
use protocol::agent::{Fin, Reject, Report};
use protocol::command::{Chunk, Command, SubmitCommand, SubmittedCommand};
use protocol::id::{CommandId, ServerId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::commands::CommandFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{dispatch, reports, stream, submit, view};
use crate::app::SharedApp;
use crate::http::extract::optional_id;
use crate::http::paging::page;
use crate::http::{AgentBody, AgentCtx, ApiError, ApiResult, Body, Ctx, Id, PageParams, Params};
use crate::masking::Originals;
use crate::programs;

/// Reports carry output: 1 MiB of text may grow sixfold in JSON.
const REPORT_LIMIT: usize = 16 * 1024 * 1024;
/// Reports in one batch.
const MAX_BATCH: usize = 4096;

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    let reports = OpenApiRouter::new()
        .routes(routes!(ack))
        .routes(routes!(chunk))
        .routes(routes!(fin))
        .routes(routes!(reject))
        .routes(routes!(batch))
        .layer(DefaultBodyLimit::max(REPORT_LIMIT));
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(detail))
        .routes(routes!(list_of))
        .routes(routes!(chunks))
        .routes(routes!(cancel))
        .merge(reports)
        .merge(programs::routes())
}

/// Run a command. With `Accept: application/x-ndjson` the output streams back on
/// the same response.
#[utoipa::path(post, path = "/api/events/commands/", tag = "commands",
    request_body = SubmitCommand,
    responses((status = CREATED, body = Vec<SubmittedCommand>), (status = FORBIDDEN)))]
async fn create(
    ctx: Ctx,
    headers: HeaderMap,
    Body(request): Body<SubmitCommand>,
) -> ApiResult<Response> {
    let (row, server) = submit::submit(&ctx, request).await?;
    // Listening may start after the dispatch: the stream reads the state first.
    let changes = ctx.app.feeds.listen(CommandId(row.id));
    let submitted = view::submitted_by(&ctx, &row, &server);
    if stream::is_wanted(&headers) {
        return Ok(stream::response(ctx, submitted, changes));
    }
    Ok((StatusCode::CREATED, Json([submitted])).into_response())
}

/// What the command list may be narrowed to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ListFilter {
    /// Server id.
    server: Option<String>,
    /// User id.
    requested_by: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Commands, newest first.
#[utoipa::path(get, path = "/api/events/commands/", tag = "commands", params(ListFilter, PageParams),
    responses((status = OK, body = Page<Command>)))]
async fn list(ctx: Ctx, Params(filter): Params<ListFilter>) -> ApiResult<Json<Page<Command>>> {
    let server = optional_id::<ServerId>("server", filter.server.as_deref())?;
    let user = optional_id::<UserId>("requested_by", filter.requested_by.as_deref())?;
    filtered(&ctx, server, user, &filter.paging).await.map(Json)
}

/// A command; or, where the id is a server's or a user's, their commands.
#[utoipa::path(get, path = "/api/events/commands/{id}/", tag = "commands",
    params(("id" = CommandId, Path)),
    responses((status = OK, body = Command), (status = NOT_FOUND)))]
async fn detail(
    ctx: Ctx,
    Id(id): Id<Uuid>,
    Params(paging): Params<PageParams>,
) -> ApiResult<Response> {
    ctx.principal.require_scope("command", "read")?;
    match view::visible(&ctx, CommandId(id)).await {
        Ok(row) => {
            let row = view::unmasked(&ctx, row).await?;
            return Ok(Json(view::command(&ctx, &row).await?).into_response());
        }
        Err(error) if error.status == StatusCode::NOT_FOUND => {}
        Err(error) => return Err(error),
    }
    if ctx
        .tenant()
        .fleet()
        .find(ctx.principal.viewer(), ServerId(id))
        .await?
        .is_some()
    {
        let page = filtered(&ctx, Some(ServerId(id)), None, &paging).await?;
        return Ok(Json(page).into_response());
    }
    if ctx.tenant().identity().user(UserId(id)).await?.is_some() {
        let page = filtered(&ctx, None, Some(UserId(id)), &paging).await?;
        return Ok(Json(page).into_response());
    }
    Err(ApiError::not_found())
}

/// Commands of a user on a server.
#[utoipa::path(get, path = "/api/events/commands/{id}/{user}/", tag = "commands",
    params(("id" = ServerId, Path), ("user" = UserId, Path)),
    responses((status = OK, body = Page<Command>), (status = NOT_FOUND)))]
async fn list_of(
    ctx: Ctx,
    Path((server, user)): Path<(String, String)>,
    Params(paging): Params<PageParams>,
) -> ApiResult<Json<Page<Command>>> {
    let server: ServerId = server.parse().map_err(|_| ApiError::not_found())?;
    let user: UserId = user.parse().map_err(|_| ApiError::not_found())?;
    filtered(&ctx, Some(server), Some(user), &paging)
        .await
        .map(Json)
}

async fn filtered(
    ctx: &Ctx,
    server: Option<ServerId>,
    user: Option<UserId>,
    paging: &PageParams,
) -> ApiResult<Page<Command>> {
    ctx.principal.require_scope("command", "read")?;
    let paging = paging.paging()?;
    let viewer = ctx.principal.viewer();
    if let Some(server) = server
        && ctx.tenant().fleet().find(viewer, server).await?.is_none()
    {
        return Err(ApiError::not_found());
    }
    let mut filter = CommandFilter {
        server,
        requested_by: user,
        ..CommandFilter::default()
    };
    if !ctx.principal.is_staff() {
        // One's own only; a service token has no user, and sees its own by id.
        let own = ctx.principal.require_user().map(|user| UserId(user.id))?;
        if filter.requested_by.is_some_and(|other| other != own) {
            return Ok(page(Vec::new(), 0, paging));
        }
        filter.requested_by = Some(own);
    }
    let (rows, count) = ctx.tenant().commands().list(&filter, paging).await?;
    Ok(page(view::commands(ctx, &rows).await?, count, paging))
}

/// Which pieces of output.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
struct ChunkFilter {
    /// From this number on.
    #[serde(rename = "seq__gte")]
    from: Option<String>,
    /// Up to this number.
    #[serde(rename = "seq__lte")]
    to: Option<String>,
    /// Only `seq`.
    ordering: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    paging: PageParams,
}

/// Output of a command, in order.
#[utoipa::path(get, path = "/api/events/commands/{id}/chunks/", tag = "commands",
    params(("id" = CommandId, Path), ChunkFilter, PageParams),
    responses((status = OK, body = Page<Chunk>), (status = NOT_FOUND)))]
async fn chunks(
    ctx: Ctx,
    Id(id): Id<CommandId>,
    Params(filter): Params<ChunkFilter>,
) -> ApiResult<Json<Page<Chunk>>> {
    ctx.principal.require_scope("command", "read")?;
    let command = view::visible(&ctx, id).await?;
    if !matches!(filter.ordering.as_deref(), None | Some("" | "seq")) {
        return Err(ApiError::field(
            "command",
            "ordering",
            "Output is ordered by seq only.",
        ));
    }
    let bound = |name: &'static str, text: Option<&str>| match text {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse::<i64>()
            .map(Some)
            .map_err(|_| ApiError::field("command", name, format!("{name} must be a number."))),
    };
    let from = bound("seq__gte", filter.from.as_deref())?.unwrap_or(0);
    let to = bound("seq__lte", filter.to.as_deref())?;
    let paging = filter.paging.paging()?;
    let (rows, count) = ctx.tenant().commands().chunks(id, from, to, paging).await?;
    let originals = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => {
            Originals::for_caller(&ctx, &command, first.seq, last.seq).await?
        }
        _ => Originals::default(),
    };
    let rows = rows
        .into_iter()
        .map(|row| Chunk {
            seq: row.seq,
            content: originals.of(row.seq, row.content),
        })
        .collect();
    Ok(Json(page(rows, count, paging)))
}

/// Withdraw a waiting command, or stop a running one.
#[utoipa::path(post, path = "/api/events/commands/{id}/cancel/", tag = "commands",
    params(("id" = CommandId, Path)),
    responses((status = OK, body = Command), (status = NOT_FOUND)))]
async fn cancel(ctx: Ctx, Id(id): Id<CommandId>) -> ApiResult<Json<Command>> {
    ctx.principal.require_scope("command", "delete")?;
    let row = view::visible(&ctx, id).await?;
    let own =
        row.requested_by.is_some() && row.requested_by == ctx.principal.user_id().map(|id| id.0);
    if !own && !ctx.principal.is_superuser() {
        return Err(ApiError::forbidden(
            "Only its requester or a superuser may stop a command.",
        ));
    }
    let actor = ctx.principal.actor();
    let reason = format!("Cancelled by {}.", actor.name);
    let unit = ctx.begin().await?;
    unit.audit(store::audit::AuditRecord {
        actor,
        ip: ctx.ip.to_string(),
        app: "command",
        model: "command",
        object_id: Some(row.id),
        action: "cancel",
        status_code: 200,
        description: reason.clone(),
        data: json!({"status": row.status}),
    })
    .await?;
    unit.commit().await?;
    dispatch::cancel(&ctx, &row, &reason).await?;
    let row = view::visible(&ctx, id).await?;
    Ok(Json(view::command(&ctx, &row).await?))
}

fn done() -> Json<Value> {
    Json(json!({}))
}

/// An id in a report's path. What is no id is no command of ours, which is no
/// error: an agent would repeat the report.
fn reported(id: &str) -> Option<CommandId> {
    id.parse().ok()
}

/// The agent has a command.
#[utoipa::path(post, path = "/api/events/commands/{id}/ack/", tag = "agent",
    params(("id" = CommandId, Path)), responses((status = OK)))]
async fn ack(ctx: AgentCtx, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    if let Some(command) = reported(&id) {
        reports::apply(&ctx, vec![Report::Ack { command }]).await?;
    }
    Ok(done())
}

/// A piece of output.
#[utoipa::path(post, path = "/api/events/commands/{id}/chunk/", tag = "agent",
    params(("id" = CommandId, Path)), request_body = Chunk, responses((status = OK)))]
async fn chunk(
    ctx: AgentCtx,
    Path(id): Path<String>,
    AgentBody(chunk): AgentBody<Chunk>,
) -> ApiResult<Json<Value>> {
    if let Some(command) = reported(&id) {
        let Chunk { seq, content } = chunk;
        reports::apply(
            &ctx,
            vec![Report::Chunk {
                command,
                seq,
                content,
            }],
        )
        .await?;
    }
    Ok(done())
}

/// The end of a command.
#[utoipa::path(post, path = "/api/events/commands/{id}/fin/", tag = "agent",
    params(("id" = CommandId, Path)), request_body = Fin, responses((status = OK)))]
async fn fin(
    ctx: AgentCtx,
    Path(id): Path<String>,
    AgentBody(fin): AgentBody<Fin>,
) -> ApiResult<Json<Value>> {
    if let Some(command) = reported(&id) {
        reports::apply(&ctx, vec![Report::Fin { command, fin }]).await?;
    }
    Ok(done())
}

/// The agent refused a command.
#[utoipa::path(post, path = "/api/events/commands/{id}/reject/", tag = "agent",
    params(("id" = CommandId, Path)), request_body = Reject, responses((status = OK)))]
async fn reject(
    ctx: AgentCtx,
    Path(id): Path<String>,
    AgentBody(reject): AgentBody<Reject>,
) -> ApiResult<Json<Value>> {
    if let Some(command) = reported(&id) {
        let reason = reject.reason;
        reports::apply(&ctx, vec![Report::Reject { command, reason }]).await?;
    }
    Ok(done())
}

/// Several reports, applied in order.
#[utoipa::path(post, path = "/api/events/reports/", tag = "agent", request_body = Vec<Report>,
    responses((status = OK)))]
async fn batch(ctx: AgentCtx, AgentBody(batch): AgentBody<Vec<Report>>) -> ApiResult<Json<Value>> {
    if batch.len() > MAX_BATCH {
        return Err(ApiError::invalid(
            "command",
            "Too many reports in one batch.",
        ));
    }
    reports::apply(&ctx, batch).await?;
    Ok(done())
}
