//! Notifications on their way. One becomes durable with what it tells of, and is sent
//! after.

use chrono::{DateTime, TimeDelta, Utc};
use protocol::id::{DeliveryId, WebhookId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::entity::delivery;
use crate::{Store, StoreError, Tenant, now};

const WAITING: &str = "waiting";
const SENT: &str = "sent";
const FAILED: &str = "failed";

/// A notification to be sent.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Where to.
    pub webhook: WebhookId,
    /// What happened, for example `approval.pending`.
    pub event: String,
    /// The notification, sealed.
    pub sealed: Vec<u8>,
    /// Given up after this.
    pub expires_at: DateTime<Utc>,
}

/// The deliveries of a workspace.
pub struct Deliveries<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Deliveries.
    #[must_use]
    pub fn deliveries(self) -> Deliveries<'a, C> {
        Deliveries(self)
    }
}

impl<C: ConnectionTrait> Deliveries<'_, C> {
    /// Queues a notification.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add(&self, new: NewDelivery) -> Result<(), StoreError> {
        let time = now();
        delivery::ActiveModel {
            id: Set(DeliveryId::new().0),
            workspace_id: Set(self.0.workspace.0),
            webhook_id: Set(new.webhook.0),
            event: Set(new.event),
            sealed: Set(Some(new.sealed)),
            state: Set(WAITING.to_owned()),
            attempts: Set(0),
            next_attempt_at: Set(time),
            expires_at: Set(new.expires_at),
            added_at: Set(time),
            ended_at: Set(None),
            last_error: Set(None),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// How many wait for a webhook.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_waiting(&self, webhook: WebhookId) -> Result<u64, StoreError> {
        use delivery::Column;
        Ok(delivery::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::WebhookId.eq(webhook.0))
            .filter(Column::State.eq(WAITING))
            .count(self.0.connection)
            .await?)
    }

    /// The newest delivery to a webhook that ended.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn last_ended(
        &self,
        webhook: WebhookId,
    ) -> Result<Option<delivery::Model>, StoreError> {
        use delivery::Column;
        Ok(delivery::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::WebhookId.eq(webhook.0))
            .filter(Column::State.ne(WAITING))
            .order_by_desc(Column::EndedAt)
            .limit(1)
            .one(self.0.connection)
            .await?)
    }
}

impl Store {
    /// Deliveries that are due at `time`, of all workspaces, those that wait longest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn due_deliveries(
        &self,
        time: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<delivery::Model>, StoreError> {
        use delivery::Column;
        Ok(delivery::Entity::find()
            .filter(Column::State.eq(WAITING))
            .filter(Column::NextAttemptAt.lte(time))
            .order_by_asc(Column::NextAttemptAt)
            .order_by_asc(Column::Id)
            .limit(limit)
            .all(self.read())
            .await?)
    }

    /// Holds a delivery for one attempt, which may last `lease`. False: another node has
    /// it.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn claim_delivery(
        &self,
        row: &delivery::Model,
        time: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<bool, StoreError> {
        use delivery::Column;
        Ok(delivery::Entity::update_many()
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

    /// Notes what became of a delivery, and forgets its content. `error`: why it is given
    /// up; none: it was taken.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn end_delivery(
        &self,
        id: DeliveryId,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        use delivery::Column;
        let state = if error.is_some() { FAILED } else { SENT };
        delivery::Entity::update_many()
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
    pub async fn defer_delivery(
        &self,
        id: DeliveryId,
        next: DateTime<Utc>,
        error: &str,
    ) -> Result<(), StoreError> {
        use delivery::Column;
        delivery::Entity::update_many()
            .col_expr(Column::NextAttemptAt, Expr::value(next))
            .col_expr(Column::LastError, Expr::value(error))
            .filter(Column::Id.eq(id.0))
            .filter(Column::State.eq(WAITING))
            .exec(self.write())
            .await?;
        Ok(())
    }

    /// Removes deliveries that ended before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete_ended_deliveries(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
        use delivery::Column;
        Ok(delivery::Entity::delete_many()
            .filter(Column::State.ne(WAITING))
            .filter(Column::EndedAt.lt(time))
            .exec(self.write())
            .await?
            .rows_affected)
    }
}
