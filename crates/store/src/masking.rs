//! What output was before it was masked, sealed. It is kept for a while, for whoever ran
//! the command.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use protocol::id::CommandId;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use crate::entity::masked_original::{self, Column};
use crate::{StoreError, Tenant, now};

/// The number that stands for the result.
pub const RESULT: i64 = -1;

/// The queries about masked output of a workspace.
pub struct Masked<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// What output was before it was masked.
    #[must_use]
    pub fn masked(self) -> Masked<'a, C> {
        Masked(self)
    }
}

impl<C: ConnectionTrait> Masked<'_, C> {
    /// Keeps a piece. What is there already stays.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn keep(&self, id: CommandId, seq: i64, sealed: Vec<u8>) -> Result<(), StoreError> {
        let active = masked_original::ActiveModel {
            command_id: Set(id.0),
            seq: Set(seq),
            workspace_id: Set(self.0.workspace.0),
            sealed: Set(sealed),
            added_at: Set(now()),
        };
        masked_original::Entity::insert(active)
            .on_conflict(
                OnConflict::columns([Column::CommandId, Column::Seq])
                    .do_nothing_on([Column::CommandId, Column::Seq])
                    .to_owned(),
            )
            .exec_without_returning(self.0.connection)
            .await?;
        Ok(())
    }

    /// Pieces `from..=to` that were masked and kept since `since`, by number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn pieces(
        &self,
        id: CommandId,
        from: i64,
        to: i64,
        since: DateTime<Utc>,
    ) -> Result<HashMap<i64, Vec<u8>>, StoreError> {
        let rows = masked_original::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::CommandId.eq(id.0))
            .filter(Column::Seq.between(from, to))
            .filter(Column::AddedAt.gte(since))
            .all(self.0.connection)
            .await?;
        Ok(rows.into_iter().map(|row| (row.seq, row.sealed)).collect())
    }

    /// Forgets what was kept before `time`.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn forget(&self, time: DateTime<Utc>) -> Result<(), StoreError> {
        masked_original::Entity::delete_many()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(Column::AddedAt.lt(time))
            .exec(self.0.connection)
            .await?;
        Ok(())
    }
}
