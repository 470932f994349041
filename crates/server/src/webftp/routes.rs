//! The route of file browsers, ours: the public API names none.

use axum::Json;
use http::StatusCode;
use protocol::webftp::{CreateWebftpSession, WebftpSession};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::open;
use crate::app::SharedApp;
use crate::http::{ApiResult, Body, Ctx};

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Open a file browser. Its `websocket_url` is good once, for a minute.
#[utoipa::path(post, path = "/api/webftp/sessions/", tag = "transfers",
    request_body = CreateWebftpSession,
    responses((status = CREATED, body = WebftpSession), (status = FORBIDDEN), (status = CONFLICT)))]
async fn create(
    ctx: Ctx,
    Body(request): Body<CreateWebftpSession>,
) -> ApiResult<(StatusCode, Json<WebftpSession>)> {
    let session = open::open(&ctx, &request).await?;
    Ok((StatusCode::CREATED, Json(session)))
}
