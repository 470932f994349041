//! Queueing mails.

use chrono::{DateTime, Utc};
use http::StatusCode;
use protocol::code;
use store::Unit;
use store::mails::NewMail;
use tokio::sync::Notify;

use super::Message;
use super::smtp::Smtp;
use crate::config::MailConfig;
use crate::http::{ApiError, ApiResult, PublicCtx};

/// What mails are sealed for.
pub(super) const PURPOSE: &str = "mail";
/// Mails of one workspace that may wait.
const MAX_WAITING: u64 = 1000;

/// The mail server, and what wakes whoever sends.
pub(crate) struct Mailer {
    pub(super) smtp: Option<Smtp>,
    pub(super) wake: Notify,
}

impl Mailer {
    pub(crate) fn new(config: &MailConfig) -> anyhow::Result<Self> {
        Ok(Self {
            smtp: Smtp::of(config)?,
            wake: Notify::new(),
        })
    }

    /// Whether mail can be sent at all.
    pub(crate) fn is_configured(&self) -> bool {
        self.smtp.is_some()
    }

    /// Refuses what cannot be done without mail.
    pub(crate) fn require(&self) -> ApiResult<()> {
        if self.is_configured() {
            return Ok(());
        }
        Err(ApiError::conflict(
            "This server sends no mail; its operator has to configure a mail server first.",
        )
        .code(code::MAIL_NOT_CONFIGURED, "mail"))
    }

    /// Queues a mail in a unit: it goes out if the unit is committed. Call
    /// [`Self::wake`] then.
    pub(crate) async fn queue(
        &self,
        ctx: &PublicCtx,
        unit: &Unit,
        kind: &'static str,
        recipient: &str,
        message: &Message,
        deadline: DateTime<Utc>,
    ) -> ApiResult<()> {
        self.require()?;
        let mails = unit.tenant().mails();
        if mails.count_waiting().await? >= MAX_WAITING {
            return Err(ApiError::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many mails wait to be sent; try again later.",
            )
            .retry_after(60));
        }
        let plain = serde_json::to_vec(message).map_err(ApiError::internal)?;
        let sealed = ctx.app.keys.sealing.seal(PURPOSE, &plain);
        mails
            .add(NewMail {
                kind,
                recipient: recipient.to_owned(),
                sealed: sealed.map_err(ApiError::internal)?,
                expires_at: deadline,
            })
            .await?;
        Ok(())
    }

    /// Sends what has been committed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}
