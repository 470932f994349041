//! What chats answer. A message counts when the provider signed it, lately, and when the
//! person behind it is known as a user of the workspace; then it is a reviewer's word
//! like one from the pages.

use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use protocol::id::{ApprovalId, UserId, WebhookId};
use protocol::notification::provider;
use store::entity::{user, webhook};
use store::now;

use super::queue::{Parcel, send_later};
use super::webhook::Target;
use super::{signature, slack, teams};
use crate::approvals;
use crate::http::{ApiError, ApiResult, PublicCtx};
use crate::locks::Footing;

/// Larger messages are no answers.
const MAX_BODY: usize = 64 * 1024;

/// The same whatever is wrong: whoever cannot sign learns nothing.
fn not_signed() -> ApiError {
    ApiError::unauthenticated("The message is not signed by the chat of this webhook.")
}

/// The webhook of a chat and its secret.
async fn signer(
    ctx: &PublicCtx,
    id: &str,
    provider: &str,
    body: &Bytes,
) -> ApiResult<(webhook::Model, Target, String)> {
    if body.len() > MAX_BODY {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The message is too large.",
        ));
    }
    let id: WebhookId = id.parse().map_err(|_| not_signed())?;
    let row = ctx.tenant().webhooks().find(id).await?;
    let row = row
        .filter(|row| row.enabled && row.provider == provider)
        .ok_or_else(not_signed)?;
    let target = Target::open(&ctx.app, &row)?;
    let secret = target.secret.clone().ok_or_else(not_signed)?;
    Ok((row, target, secret))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Slack's interactivity request URL.
pub(super) async fn from_slack(
    ctx: PublicCtx,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    let (row, target, secret) = signer(&ctx, &id, provider::SLACK, &body).await?;
    let timestamp = header(&headers, "x-slack-request-timestamp");
    let signed = header(&headers, "x-slack-signature");
    if !signature::is_slacks(&secret, timestamp, signed, &body, now()) {
        return Err(not_signed());
    }
    let press = slack::press(&body)
        .map_err(|why| ApiError::invalid("slack", format!("Not understood: {why}.")))?;
    let Some(press) = press else {
        return Ok(StatusCode::OK.into_response());
    };
    let reason = (!press.approves).then(|| "Rejected in Slack.".to_owned());
    let said = decide(&ctx, &row, &press.who, press.request, reason, "slack").await?;
    if is_same_origin(&press.answer_to, &target.url) {
        let parcel = Parcel::Answer {
            url: press.answer_to,
            body: slack::answer(&said.text, said.decided),
        };
        let unit = ctx.begin().await?;
        let webhook = WebhookId(row.id);
        send_later(&ctx, &unit, webhook, "chat.answer", &parcel).await?;
        unit.commit().await?;
        ctx.app.outbound.wake();
    }
    Ok(StatusCode::OK.into_response())
}

/// An answer goes nowhere but to the chat itself.
fn is_same_origin(one: &str, other: &str) -> bool {
    match (url::Url::parse(one), url::Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin().is_tuple() && one.origin() == other.origin(),
        _ => false,
    }
}

/// Where an outgoing webhook of Teams posts to.
pub(super) async fn from_teams(
    ctx: PublicCtx,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult<Response> {
    let (row, _, secret) = signer(&ctx, &id, provider::TEAMS, &body).await?;
    if !signature::is_teams(&secret, header(&headers, "authorization"), &body) {
        return Err(not_signed());
    }
    let said = teams::said(&body)
        .map_err(|why| ApiError::invalid("teams", format!("Not understood: {why}.")))?;
    if !signature::is_recent(said.at, now()) {
        return Err(not_signed());
    }
    let text = match said.word {
        Some((request, reason)) => {
            let said = decide(&ctx, &row, &said.who, request, reason, "teams").await?;
            said.text
        }
        None => "Say: approve ID — or: reject ID REASON.".to_owned(),
    };
    Ok(Json(teams::answer(&text)).into_response())
}

/// What came of an answer.
struct Outcome {
    text: String,
    decided: bool,
}

/// Takes the word of somebody in a chat. `reason`: of a rejection; none: they approve.
async fn decide(
    ctx: &PublicCtx,
    webhook: &webhook::Model,
    who: &str,
    request: ApprovalId,
    reason: Option<String>,
    via: &'static str,
) -> ApiResult<Outcome> {
    let Some(user) = known(ctx, webhook, who).await? else {
        tracing::warn!(webhook = %webhook.id, who, "an unknown person answered in a chat");
        return Ok(Outcome {
            text: format!(
                "Nothing was decided: this workspace does not know who {who} is. Say so \
                 yourself first: alpacon webhook identify"
            ),
            decided: false,
        });
    };
    let verb = if reason.is_some() {
        "rejected"
    } else {
        "approved"
    };
    match approvals::decide_in_chat(ctx, &user, request, reason, via).await {
        Ok(row) => Ok(Outcome {
            text: format!("{}: {verb} by {}.", row.summary, user.username),
            decided: true,
        }),
        Err(error) if error.status.is_server_error() => Err(error),
        Err(error) => Ok(Outcome {
            text: format!("Nothing was decided: {}", error.detail),
            decided: false,
        }),
    }
}

/// The user behind somebody in a chat, if they may do anything at all now.
async fn known(
    ctx: &PublicCtx,
    webhook: &webhook::Model,
    who: &str,
) -> ApiResult<Option<user::Model>> {
    let webhooks = ctx.tenant().webhooks();
    let Some(identity) = webhooks.identity(WebhookId(webhook.id), who).await? else {
        return Ok(None);
    };
    let id = UserId(identity.user_id);
    let footing = Footing {
        user: Some(id),
        ..Footing::default()
    };
    if ctx.app.locks.on(ctx.workspace_id(), &footing).is_some() {
        return Ok(None);
    }
    let user = ctx.tenant().identity().user(id).await?;
    Ok(user.filter(|user| user.is_active))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_the_chat_only() {
        let hook = "https://hooks.slack.com/services/T/B/x";
        assert!(is_same_origin("https://hooks.slack.com/actions/x", hook));
        for other in [
            "https://hooks.slack.com.evil.test/",
            "http://hooks.slack.com/",
            "https://hooks.slack.com:444/",
            "data:x",
            "",
        ] {
            assert!(!is_same_origin(other, hook), "{other}");
        }
    }
}
