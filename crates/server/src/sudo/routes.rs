//! The route on which agents ask about sudo.

use axum::Json;
use protocol::id::WebshSessionId;
use protocol::sudo::SudoRequest;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::decision;
use crate::app::SharedApp;
use crate::http::{AgentBody, AgentCtx, ApiResult, Id};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(approval))
        .routes(routes!(terminal_approval))
}

/// May a process inside a command use sudo? The answer comes on the control
/// connection; a success here only says that the request arrived.
#[utoipa::path(post, path = "/api/sudo/approval/", tag = "agents", request_body = SudoRequest,
    responses((status = OK), (status = BAD_REQUEST), (status = UNAUTHORIZED)))]
async fn approval(
    ctx: AgentCtx,
    AgentBody(request): AgentBody<SudoRequest>,
) -> ApiResult<Json<Value>> {
    decision::decide(&ctx, &request).await?;
    Ok(Json(json!({})))
}

/// The same for a process inside a terminal.
#[utoipa::path(post, path = "/api/websh/sessions/{id}/sudo-approval/", tag = "agents",
    params(("id" = WebshSessionId, Path)), request_body = SudoRequest,
    responses((status = OK), (status = BAD_REQUEST), (status = UNAUTHORIZED)))]
async fn terminal_approval(
    ctx: AgentCtx,
    Id(id): Id<WebshSessionId>,
    AgentBody(mut request): AgentBody<SudoRequest>,
) -> ApiResult<Json<Value>> {
    request.call.session_id = Some(id.to_string());
    request.call.command_id = None;
    decision::decide(&ctx, &request).await?;
    Ok(Json(json!({})))
}
