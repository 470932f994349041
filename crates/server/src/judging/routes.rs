//! Routes of questions to the judge: an addition of ours.

use axum::Json;
use judge::Plan;
use protocol::id::WorkSessionId;
use protocol::judgement::{Explain, Replay, Replayed, RuleSuggestion, Simulate, Simulation};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{replay, simulate, suggest};
use crate::app::SharedApp;
use crate::http::{ApiResult, Body, Ctx, Id};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(explain_line))
        .routes(routes!(simulate_line))
        .routes(routes!(replay_history))
        .routes(routes!(suggestion))
}

/// What a line would run, and how risky that is.
#[utoipa::path(post, path = "/api/judge/explain/", tag = "judge", request_body = Explain,
    responses((status = OK, body = Value), (status = BAD_REQUEST)))]
async fn explain_line(ctx: Ctx, Body(request): Body<Explain>) -> ApiResult<Json<Value>> {
    ctx.principal.require_scope("command", "read")?;
    simulate::check_line(&request.line)?;
    let explanation = judge::explain(&Plan::read(&request.line));
    Ok(Json(json!(explanation)))
}

/// What would be decided if the caller submitted a line now.
#[utoipa::path(post, path = "/api/judge/simulate/", tag = "judge", request_body = Simulate,
    responses((status = OK, body = Simulation), (status = BAD_REQUEST), (status = NOT_FOUND)))]
async fn simulate_line(ctx: Ctx, Body(request): Body<Simulate>) -> ApiResult<Json<Simulation>> {
    simulate::simulate(&ctx, &request).await.map(Json)
}

/// What a new allow-list or guardrail would have decided about recorded commands: one's
/// own; for staff, those of the servers they see.
#[utoipa::path(post, path = "/api/judge/replay/", tag = "judge", request_body = Replay,
    responses((status = OK, body = Replayed), (status = BAD_REQUEST), (status = FORBIDDEN),
        (status = NOT_FOUND)))]
async fn replay_history(ctx: Ctx, Body(request): Body<Replay>) -> ApiResult<Json<Replayed>> {
    replay::replay(&ctx, &request).await.map(Json)
}

/// The smallest rules that cover what a session did.
#[utoipa::path(get, path = "/api/work-sessions/sessions/{id}/suggestion/", tag = "judge",
    params(("id" = WorkSessionId, Path)),
    responses((status = OK, body = RuleSuggestion), (status = NOT_FOUND)))]
async fn suggestion(ctx: Ctx, Id(id): Id<WorkSessionId>) -> ApiResult<Json<RuleSuggestion>> {
    suggest::suggest(&ctx, id).await.map(Json)
}
