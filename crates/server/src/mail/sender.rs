//! Sending what is queued: a few at a time, again and again until a mail's deadline.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use protocol::id::MailId;
use store::entity::mail;
use store::now;
use tokio::time::{MissedTickBehavior, interval};

use super::Message;
use super::outbox::PURPOSE;
use super::smtp::{SendError, Smtp};
use crate::app::{App, SharedApp};

/// How soon a mail is found that another node queued, or whose time has come.
const TICK: Duration = Duration::from_secs(2);
/// Mails sent at once.
const CONCURRENCY: usize = 4;
/// Mails taken from the queue at a time.
const BATCH: u64 = 100;
/// Pauses after the first attempts; the last one goes on.
const PAUSES: [i64; 6] = [2, 15, 60, 5 * 60, 15 * 60, 60 * 60];
/// How long a mail that ended is still listed.
const KEPT: TimeDelta = TimeDelta::days(7);
/// Characters kept of an error.
const MAX_ERROR: usize = 300;

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let Some(smtp) = &app.mailer.smtp else {
        return;
    };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.mailer.wake.notified() => {}
        }
        match app.store.due_mails(now(), BATCH).await {
            Ok(due) => {
                futures_util::stream::iter(due)
                    .for_each_concurrent(CONCURRENCY, |row| attempt(&app, smtp, row))
                    .await;
            }
            Err(error) => tracing::warn!(%error, "queued mails could not be read"),
        }
    }
}

/// Forgets mails that ended long ago.
pub(crate) async fn sweep(app: &App) {
    if let Err(error) = app.store.delete_ended_mails(now() - KEPT).await {
        tracing::warn!(%error, "old mails could not be removed");
    }
}

async fn attempt(app: &App, smtp: &Smtp, row: mail::Model) {
    let id = MailId(row.id);
    match app.store.claim_mail(&row, now(), smtp.lease()).await {
        Ok(true) => {}
        // Another node has it.
        Ok(false) => return,
        Err(error) => {
            tracing::warn!(%error, "a mail could not be claimed");
            return;
        }
    }
    let noted = match send(app, smtp, &row).await {
        Ok(()) => app.store.mail_sent(id).await,
        Err(SendError::Refused(reason)) => give_up(app, &row, &reason).await,
        Err(SendError::Deferred(reason)) => {
            let pause = pause_after(row.attempts);
            let next = now() + pause;
            if next > row.expires_at {
                give_up(app, &row, &reason).await
            } else {
                tracing::warn!(mail = %id, kind = row.kind, reason, "a mail could not be sent yet");
                app.store.mail_deferred(id, next, &shortened(&reason)).await
            }
        }
    };
    if let Err(error) = noted {
        // It may be sent twice: better than not at all.
        tracing::error!(%error, mail = %id, "what became of a mail could not be stored");
    }
}

async fn give_up(app: &App, row: &mail::Model, reason: &str) -> Result<(), store::StoreError> {
    tracing::error!(mail = %row.id, kind = row.kind, reason, "a mail is given up");
    app.store
        .mail_failed(MailId(row.id), &shortened(reason))
        .await
}

async fn send(app: &App, smtp: &Smtp, row: &mail::Model) -> Result<(), SendError> {
    if row.expires_at <= now() {
        return Err(SendError::Refused("its time is over".to_owned()));
    }
    let unreadable = || SendError::Refused("its text cannot be read".to_owned());
    let sealed = row.sealed.as_deref().ok_or_else(unreadable)?;
    let plain = app.keys.sealing.open(PURPOSE, sealed);
    let plain = plain.map_err(|_| unreadable())?;
    let message: Message = serde_json::from_slice(&plain).map_err(|_| unreadable())?;
    smtp.send(&row.recipient, &message).await
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
