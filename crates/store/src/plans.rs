//! Commands that are approved together, each to be run once.

use chrono::{DateTime, Utc};
use protocol::approval::Status;
use protocol::id::{ApprovalId, CommandId, PlanItemId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};

use crate::entity::{approval_request, plan_item};
use crate::{StoreError, Tenant, now};

/// The plans of a workspace.
pub struct Plans<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Commands that are approved together.
    #[must_use]
    pub fn plans(self) -> Plans<'a, C> {
        Plans(self)
    }
}

impl<C: ConnectionTrait> Plans<'_, C> {
    /// Stores a command of a plan.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn add(&self, request: ApprovalId, content_hash: String) -> Result<(), StoreError> {
        plan_item::ActiveModel {
            id: Set(PlanItemId::new().0),
            workspace_id: Set(self.0.workspace.0),
            request_id: Set(request.0),
            content_hash: Set(content_hash),
            used_at: Set(None),
            command_id: Set(None),
        }
        .insert(self.0.connection)
        .await?;
        Ok(())
    }

    /// A command of an approved plan that has not run: exactly this content, asked for by
    /// exactly this user.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn standing(
        &self,
        content_hash: &str,
        requested_by: UserId,
        time: DateTime<Utc>,
    ) -> Result<Option<PlanItemId>, StoreError> {
        use approval_request::Column as Request;
        use plan_item::Column as Item;
        let items = plan_item::Entity::find()
            .filter(Item::WorkspaceId.eq(self.0.workspace.0))
            .filter(Item::ContentHash.eq(content_hash))
            .filter(Item::UsedAt.is_null())
            .order_by_asc(Item::Id)
            .all(self.0.connection)
            .await?;
        if items.is_empty() {
            return Ok(None);
        }
        let approved = approval_request::Entity::find()
            .filter(Request::WorkspaceId.eq(self.0.workspace.0))
            .filter(Request::Id.is_in(items.iter().map(|item| item.request_id)))
            .filter(Request::RequestedBy.eq(requested_by.0))
            .filter(Request::Status.eq(Status::Approved.as_str()))
            .filter(Request::ExpiresAt.gt(time))
            .all(self.0.connection)
            .await?;
        let standing = items
            .into_iter()
            .find(|item| approved.iter().any(|request| request.id == item.request_id));
        Ok(standing.map(|item| PlanItemId(item.id)))
    }

    /// Spends a command of a plan. False: it was spent.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn spend(&self, id: PlanItemId, command: CommandId) -> Result<bool, StoreError> {
        use plan_item::Column;
        let changed = plan_item::Entity::update_many()
            .set(plan_item::ActiveModel {
                used_at: Set(Some(now())),
                command_id: Set(Some(command.0)),
                ..Default::default()
            })
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::Id.eq(id.0))
            .filter(Column::UsedAt.is_null())
            .exec(self.0.connection)
            .await?
            .rows_affected;
        Ok(changed > 0)
    }
}
