//! Sending what is queued: a few at a time, again and again until its deadline.

use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use futures_util::StreamExt as _;
use http::header;
use protocol::id::{DeliveryId, WebhookId};
use protocol::notification::{DELIVERY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, provider};
use store::entity::{delivery, webhook};
use store::now;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use transport::tls::Trust;

use super::queue::{PURPOSE, Parcel};
use super::webhook::Target;
use super::{render, signature};
use crate::app::{App, SharedApp};
use crate::config::NotificationsConfig;
use crate::egress::{self, Addresses};

/// How soon a delivery is found that another node queued, or whose time has come.
const TICK: Duration = Duration::from_secs(2);
/// For one attempt, everything together.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long one node may hold a delivery for an attempt.
const LEASE: TimeDelta = TimeDelta::seconds(60);
/// Deliveries sent at once.
const CONCURRENCY: usize = 8;
/// Deliveries taken from the queue at a time.
const BATCH: u64 = 100;
/// Pauses after the first attempts, seconds; the last one goes on.
const PAUSES: [i64; 6] = [2, 10, 60, 5 * 60, 15 * 60, 60 * 60];
/// How long a delivery that ended is still known.
const KEPT: TimeDelta = TimeDelta::days(7);
/// Characters kept of an error.
const MAX_ERROR: usize = 300;

/// The way out, and what wakes whoever sends.
pub(crate) struct Outbound {
    client: reqwest::Client,
    pub(super) addresses: Addresses,
    wake: Notify,
}

impl Outbound {
    /// # Errors
    /// When the certificates of the system cannot be used.
    pub(crate) fn new(config: &NotificationsConfig) -> anyhow::Result<Self> {
        let addresses = Addresses::new(&config.private_hosts, "notifications.private_hosts");
        let client = egress::client(addresses.clone(), &Trust::System, DEADLINE)
            .context("notifications: cannot set up HTTP")?;
        Ok(Self {
            client,
            addresses,
            wake: Notify::new(),
        })
    }

    /// Sends what has been committed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Why a delivery was not taken.
enum SendError {
    /// Trying again will not help.
    Refused(String),
    /// Trying again may help.
    Deferred(String),
}

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.outbound.wake.notified() => {}
        }
        match app.store.due_deliveries(now(), BATCH).await {
            Ok(due) => {
                futures_util::stream::iter(due)
                    .for_each_concurrent(CONCURRENCY, |row| attempt(&app, row))
                    .await;
            }
            Err(error) => tracing::warn!(%error, "queued notifications could not be read"),
        }
    }
}

/// Forgets deliveries that ended long ago.
pub(crate) async fn sweep(app: &App) {
    if let Err(error) = app.store.delete_ended_deliveries(now() - KEPT).await {
        tracing::warn!(%error, "old notifications could not be removed");
    }
}

async fn attempt(app: &App, row: delivery::Model) {
    let id = DeliveryId(row.id);
    match app.store.claim_delivery(&row, now(), LEASE).await {
        Ok(true) => {}
        // Another node has it.
        Ok(false) => return,
        Err(error) => {
            tracing::warn!(%error, "a notification could not be claimed");
            return;
        }
    }
    let noted = match send(app, &row).await {
        Ok(()) => app.store.end_delivery(id, None).await,
        Err(SendError::Refused(reason)) => give_up(app, &row, &reason).await,
        Err(SendError::Deferred(reason)) => {
            let next = now() + pause_after(row.attempts);
            if next > row.expires_at {
                give_up(app, &row, &reason).await
            } else {
                tracing::warn!(delivery = %id, reason, "a notification could not be sent yet");
                app.store
                    .defer_delivery(id, next, &shortened(&reason))
                    .await
            }
        }
    };
    if let Err(error) = noted {
        // It may be sent twice: better than not at all.
        tracing::error!(%error, delivery = %id, "what became of a notification is not stored");
    }
}

async fn give_up(app: &App, row: &delivery::Model, reason: &str) -> Result<(), store::StoreError> {
    tracing::error!(delivery = %row.id, webhook = %row.webhook_id, reason,
        "a notification is given up");
    app.store
        .end_delivery(DeliveryId(row.id), Some(&shortened(reason)))
        .await
}

async fn send(app: &App, row: &delivery::Model) -> Result<(), SendError> {
    let refused = |why: &str| SendError::Refused(why.to_owned());
    if row.expires_at <= now() {
        return Err(refused("its time is over"));
    }
    let sealed = row.sealed.as_deref();
    let sealed = sealed.ok_or_else(|| refused("its content is gone"))?;
    let plain = app.keys.sealing.open(PURPOSE, sealed);
    let plain = plain.map_err(|_| refused("its content cannot be read"))?;
    let parcel: Parcel =
        serde_json::from_slice(&plain).map_err(|_| refused("its content cannot be read"))?;
    let webhook = app
        .store
        .tenant(row.workspace_id.into())
        .webhooks()
        .find(WebhookId(row.webhook_id))
        .await
        .map_err(|error| SendError::Deferred(error.to_string()))?
        .filter(|webhook| webhook.enabled)
        .ok_or_else(|| refused("the webhook is not enabled any more"))?;
    let target =
        Target::open(app, &webhook).map_err(|_| refused("the webhook's secret cannot be read"))?;
    post(app, row, &webhook, &target, parcel).await
}

async fn post(
    app: &App,
    row: &delivery::Model,
    webhook: &webhook::Model,
    target: &Target,
    parcel: Parcel,
) -> Result<(), SendError> {
    let (url, body) = match parcel {
        Parcel::Notification(notification) => {
            let interactive = target.secret.is_some();
            let body = render::body(&webhook.provider, &notification, interactive);
            (target.url.clone(), body)
        }
        Parcel::Answer { url, body } => (url, body),
    };
    let url = app.outbound.addresses.check(&url);
    let url = url.map_err(|why| SendError::Refused(format!("the address {why}")))?;
    let body = serde_json::to_vec(&body).map_err(|error| SendError::Refused(error.to_string()))?;
    let mut request = app
        .outbound
        .client
        .post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(DELIVERY_HEADER, row.id.to_string());
    if let Some(secret) = &target.secret
        && webhook.provider == provider::CUSTOM
    {
        let timestamp = now().timestamp();
        request = request
            .header(TIMESTAMP_HEADER, timestamp)
            .header(SIGNATURE_HEADER, signature::ours(secret, timestamp, &body));
    }
    // Without its URL: that lets whoever reads the log post there.
    let answer = request.body(body).send().await;
    let answer = answer.map_err(|error| SendError::Deferred(describe(&error.without_url())))?;
    let status = answer.status();
    match status.as_u16() {
        200..=299 => Ok(()),
        408 | 425 | 429 | 500.. => Err(SendError::Deferred(format!("it answered {status}"))),
        _ => Err(SendError::Refused(format!("it answered {status}"))),
    }
}

/// An error with its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// How long to wait after an attempt; `attempts`: those before it.
fn pause_after(attempts: i64) -> TimeDelta {
    let index = usize::try_from(attempts).unwrap_or(0).min(PAUSES.len() - 1);
    TimeDelta::seconds(PAUSES.get(index).copied().unwrap_or(3600))
}

fn shortened(reason: &str) -> String {
    reason.chars().take(MAX_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_an_hour() {
        assert_eq!(pause_after(0), TimeDelta::seconds(2));
        assert_eq!(pause_after(3), TimeDelta::minutes(5));
        assert_eq!(pause_after(99), TimeDelta::hours(1));
        assert_eq!(pause_after(-1), TimeDelta::seconds(2));
    }
}
