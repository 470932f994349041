//! Mails on their way. A mail becomes durable with what it tells of, and is sent after.

use chrono::{DateTime, TimeDelta, Utc};
use protocol::id::MailId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::entity::mail;
use crate::{Store, StoreError, Tenant, now};

const WAITING: &str = "waiting";
const SENT: &str = "sent";
const FAILED: &str = "failed";

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// What it is about, for example `invitation`.
    pub kind: &'static str,
    /// Mail address.
    pub recipient: String,
    /// Subject and text, sealed: they hold what lets their reader in.
    pub sealed: Vec<u8>,
    /// Given up after this.
    pub expires_at: DateTime<Utc>,
}

/// The mails of a workspace.
pub struct Mails<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Mails.
    #[must_use]
    pub fn mails(self) -> Mails<'a, C> {
        Mails(self)
    }
}

impl<C: ConnectionTrait> Mails<'_, C> {
    /// Queues a mail.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add(&self, new: NewMail) -> Result<mail::Model, StoreError> {
        let time = now();
        Ok(mail::ActiveModel {
            id: Set(MailId::new().0),
            workspace_id: Set(self.0.workspace.0),
            kind: Set(new.kind.to_owned()),
            recipient: Set(new.recipient),
            sealed: Set(Some(new.sealed)),
            attempts: Set(0),
            next_attempt_at: Set(time),
            expires_at: Set(new.expires_at),
            added_at: Set(time),
            ended_at: Set(None),
            state: Set(WAITING.to_owned()),
            last_error: Set(None),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// How many mails wait.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_waiting(&self) -> Result<u64, StoreError> {
        Ok(mail::Entity::find()
            .filter(mail::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(mail::Column::State.eq(WAITING))
            .count(self.0.connection)
            .await?)
    }
}

impl Store {
    /// Mails that are due at `time`, of all workspaces, those that wait longest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due_mails(
        &self,
        time: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<mail::Model>, StoreError> {
        Ok(mail::Entity::find()
            .filter(mail::Column::State.eq(WAITING))
            .filter(mail::Column::NextAttemptAt.lte(time))
            .order_by_asc(mail::Column::NextAttemptAt)
            .order_by_asc(mail::Column::Id)
            .limit(limit)
            .all(self.read())
            .await?)
    }

    /// Holds a mail for one attempt, which may last `lease`. False: another node has it.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn claim_mail(
        &self,
        row: &mail::Model,
        time: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<bool, StoreError> {
        use mail::Column;
        Ok(mail::Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(time + lease))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .filter(Column::Id.eq(row.id))
            .filter(Column::State.eq(WAITING))
            .filter(Column::Attempts.eq(row.attempts))
            .exec(self.write())
            .await?
            .rows_affected
            > 0)
    }

    /// Notes that a mail was taken by the mail server, and forgets its text.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn mail_sent(&self, id: MailId) -> Result<(), StoreError> {
        self.end_mail(id, SENT, None).await
    }

    /// Notes that a mail is given up, and forgets its text.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn mail_failed(&self, id: MailId, error: &str) -> Result<(), StoreError> {
        self.end_mail(id, FAILED, Some(error)).await
    }

    async fn end_mail(
        &self,
        id: MailId,
        state: &str,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        use mail::Column;
        mail::Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::EndedAt, Expr::value(now()))
            .col_expr(Column::Sealed, Expr::value(None::<Vec<u8>>))
            .col_expr(Column::LastError, Expr::value(error.map(str::to_owned)))
            .filter(Column::Id.eq(id.0))
            .exec(self.write())
            .await?;
        Ok(())
    }

    /// Notes that an attempt failed; the next one is at `next`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn mail_deferred(
        &self,
        id: MailId,
        next: DateTime<Utc>,
        error: &str,
    ) -> Result<(), StoreError> {
        use mail::Column;
        mail::Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(next))
            .col_expr(Column::LastError, Expr::value(error))
            .filter(Column::Id.eq(id.0))
            .filter(Column::State.eq(WAITING))
            .exec(self.write())
            .await?;
        Ok(())
    }

    /// Removes mails that ended before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_ended_mails(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        Ok(mail::Entity::delete_many()
            .filter(mail::Column::State.ne(WAITING))
            .filter(mail::Column::EndedAt.lt(time))
            .exec(self.write())
            .await?
            .rows_affected)
    }
}
