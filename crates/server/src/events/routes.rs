//! Event sessions and subscriptions (`rest-operations.md` §10).

use axum::Json;
use http::StatusCode;
use protocol::code;
use protocol::event::{self, EventSession, Subscribe};
use protocol::id::{CommandId, EventSessionId, ServerId, WorkSessionId};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::hub::SubscribeError;
use crate::app::SharedApp;
use crate::crypto::token::{self, Token};
use crate::http::{ApiError, ApiResult, Body, Ctx};
use crate::{commands, work_sessions};

const SOURCE: &str = "event";

pub(crate) fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(subscribe))
}

/// Open an event channel. Its URL may be dialled again while the session lives.
#[utoipa::path(post, path = "/api/events/sessions/", tag = "events",
    responses((status = CREATED, body = EventSession)))]
async fn create(
    ctx: Ctx,
    // Nothing is read from it, but what is no JSON object is told so.
    Body(_): Body<serde_json::Map<String, Value>>,
) -> ApiResult<(StatusCode, Json<EventSession>)> {
    ctx.principal.require_scope("event_session", "create")?;
    let token = Token::generate(token::CHANNEL)?;
    let channel = ctx
        .app
        .events
        .create(
            ctx.workspace_id(),
            ctx.principal.credential_id(),
            ctx.principal.user_id(),
            token.hash(),
        )
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many open event channels.",
            )
            .retry_after(60)
        })?;
    let id = EventSessionId::new();
    let websocket_url = format!(
        "{}/ws/event/{id}/{channel}/{}/",
        ctx.websocket_base(),
        token.reveal()
    );
    Ok((
        StatusCode::CREATED,
        Json(EventSession {
            id,
            websocket_url,
            channel_id: channel,
        }),
    ))
}

/// Listen to an event type on a connected channel.
#[utoipa::path(post, path = "/api/events/subscriptions/", tag = "events", request_body = Subscribe,
    responses((status = CREATED), (status = BAD_REQUEST)))]
async fn subscribe(
    ctx: Ctx,
    Body(request): Body<Subscribe>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    ctx.principal
        .require_scope("event_subscription", "create")?;
    let event_type = event::TYPES
        .into_iter()
        .find(|known| *known == request.event_type)
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                format!("event_type must be one of {}.", event::TYPES.join(", ")),
            )
            .code(code::INVALID_CHOICE, SOURCE)
        })?;
    let target = target(&ctx, event_type, request.target_id.as_deref()).await?;
    ctx.app
        .events
        .subscribe(
            request.channel,
            ctx.principal.credential_id(),
            event_type,
            target,
        )
        .map_err(|error| match error {
            SubscribeError::Unknown => {
                ApiError::field(SOURCE, "channel", "There is no such event channel.")
            }
            SubscribeError::NotConnected => ApiError::field(
                SOURCE,
                "channel",
                "The event channel is not connected; open its websocket_url first.",
            ),
            SubscribeError::TooMany => ApiError::field(
                SOURCE,
                "channel",
                "The event channel has too many subscriptions.",
            ),
        })?;
    Ok((
        StatusCode::CREATED,
        Json(json!({
            "channel": request.channel,
            "event_type": event_type,
            "target_id": target,
        })),
    ))
}

/// Checks that the target exists and that the caller may see it.
async fn target(
    ctx: &Ctx,
    event_type: &'static str,
    text: Option<&str>,
) -> ApiResult<Option<Uuid>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return match event_type {
            event::NOTIFICATION => Ok(ctx.principal.user_id().map(|id| id.0)),
            _ => Err(ApiError::field(
                SOURCE,
                "target_id",
                "This event type needs a target.",
            )),
        };
    };
    let id: Uuid = text
        .parse()
        .map_err(|_| ApiError::field(SOURCE, "target_id", "The target must be a UUID."))?;
    match event_type {
        event::COMMAND_OUTPUT => {
            commands::visible(ctx, CommandId(id))
                .await
                .map_err(unseen)?;
        }
        event::COMMAND_FIN | event::SERVERS_COMMIT | event::SERVER_STATUS => {
            let found = ctx
                .tenant()
                .fleet()
                .find(ctx.principal.viewer(), ServerId(id))
                .await?;
            found.ok_or_else(|| unseen(ApiError::not_found()))?;
        }
        event::WORK_SESSION => {
            work_sessions::visible(ctx, WorkSessionId(id))
                .await
                .map_err(|_| {
                    ApiError::new(StatusCode::BAD_REQUEST, "There is no such work session.")
                        .code(code::WORK_SESSION_NOT_FOUND, SOURCE)
                })?;
        }
        event::PROGRAMS => {
            // Of a command, or of all commands of a session.
            if commands::visible(ctx, CommandId(id)).await.is_err() {
                work_sessions::visible(ctx, WorkSessionId(id))
                    .await
                    .map_err(unseen)?;
            }
        }
        // Terminals do not exist yet, and notices are one's own.
        _ => return Err(unseen(ApiError::not_found())),
    }
    Ok(Some(id))
}

/// A target that is not there is a bad parameter, not a missing route.
fn unseen(error: ApiError) -> ApiError {
    if error.status == StatusCode::NOT_FOUND {
        return ApiError::field(SOURCE, "target_id", "There is no such target.");
    }
    error
}
