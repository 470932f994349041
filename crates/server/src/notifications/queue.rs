//! Queueing notifications.

use chrono::TimeDelta;
use protocol::id::WebhookId;
use protocol::notification::Notification;
use serde::{Deserialize, Serialize};
use store::deliveries::NewDelivery;
use store::{Unit, now};

use crate::http::{ApiError, ApiResult, PublicCtx};

/// What deliveries are sealed for.
pub(super) const PURPOSE: &str = "delivery";
/// Deliveries that may wait for one webhook; more are dropped, with a line in the log.
const MAX_WAITING: u64 = 1000;
/// How long a delivery is tried.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// What is on its way, sealed while it waits: it holds the lines of commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Parcel {
    /// To the webhook's own address, rendered when it is sent.
    Notification(Box<Notification>),
    /// To an address that the chat named: an answer to a button.
    Answer {
        url: String,
        body: serde_json::Value,
    },
}

/// Queues a notification for every webhook, in the unit of what it tells of: it goes out
/// if the unit is committed. Call [`super::Outbound::wake`] then.
///
/// # Errors
/// When the database cannot be used; then the unit must not be committed either.
pub(crate) async fn queue(
    ctx: &PublicCtx,
    unit: &Unit,
    notification: &Notification,
) -> ApiResult<()> {
    for webhook in unit.tenant().webhooks().enabled().await? {
        let id = WebhookId(webhook.id);
        if unit.tenant().deliveries().count_waiting(id).await? >= MAX_WAITING {
            tracing::warn!(webhook = %id, "too many notifications wait; one is dropped");
            continue;
        }
        let parcel = Parcel::Notification(Box::new(notification.clone()));
        send_later(ctx, unit, id, &notification.event, &parcel).await?;
    }
    Ok(())
}

pub(super) async fn send_later(
    ctx: &PublicCtx,
    unit: &Unit,
    webhook: WebhookId,
    event: &str,
    parcel: &Parcel,
) -> ApiResult<()> {
    let plain = serde_json::to_vec(parcel).map_err(ApiError::internal)?;
    let sealed = ctx.app.keys.sealing.seal(PURPOSE, &plain);
    let new = NewDelivery {
        webhook,
        event: event.to_owned(),
        sealed: sealed.map_err(ApiError::internal)?,
        expires_at: now() + LIFE,
    };
    Ok(unit.tenant().deliveries().add(new).await?)
}
