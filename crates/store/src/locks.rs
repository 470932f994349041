//! Locks: what may not be used for now.

use protocol::id::{LockId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};
use uuid::Uuid;

use crate::entity::lock;
use crate::paging::{self, Paging};
use crate::{Store, StoreError, Tenant, now};

/// What a lock may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// A user: their logins and tokens.
    User,
    /// A token.
    Token,
    /// A work session.
    WorkSession,
    /// A server.
    Server,
    /// The workspace.
    Workspace,
}

impl LockKind {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::User,
        Self::Token,
        Self::WorkSession,
        Self::Server,
        Self::Workspace,
    ];

    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::WorkSession => "work_session",
            Self::Server => "server",
            Self::Workspace => "workspace",
        }
    }

    /// Reads [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The locks of a workspace.
pub struct Locks<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// Locks.
    #[must_use]
    pub fn locks(self) -> Locks<'a, C> {
        Locks(self)
    }
}

impl Store {
    /// Every lock there is, for the memory of a node.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all_locks(&self) -> Result<Vec<lock::Model>, StoreError> {
        Ok(lock::Entity::find().all(self.read()).await?)
    }
}

impl<C: ConnectionTrait> Locks<'_, C> {
    /// Locks something.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is locked already, or the database is not
    /// writable.
    pub async fn add(
        &self,
        kind: LockKind,
        object: Uuid,
        reason: &str,
        locked_by: Option<UserId>,
    ) -> Result<lock::Model, StoreError> {
        Ok(lock::ActiveModel {
            id: Set(LockId::new().0),
            workspace_id: Set(self.0.workspace.0),
            kind: Set(kind.as_str().to_owned()),
            object_id: Set(object),
            reason: Set(reason.to_owned()),
            locked_by: Set(locked_by.map(|id| id.0)),
            added_at: Set(now()),
        }
        .insert(self.0.connection)
        .await?)
    }

    /// Locks, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        kind: Option<LockKind>,
        object: Option<Uuid>,
        page: Paging,
    ) -> Result<(Vec<lock::Model>, u64), StoreError> {
        use lock::Column;
        let mut query = lock::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::AddedAt)
            .order_by_asc(Column::Id);
        if let Some(kind) = kind {
            query = query.filter(Column::Kind.eq(kind.as_str()));
        }
        if let Some(object) = object {
            query = query.filter(Column::ObjectId.eq(object));
        }
        paging::fetch(query, self.0.connection, page).await
    }

    /// A lock by id.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn find(&self, id: LockId) -> Result<Option<lock::Model>, StoreError> {
        Ok(lock::Entity::find_by_id(id.0)
            .filter(lock::Column::WorkspaceId.eq(self.0.workspace.0))
            .one(self.0.connection)
            .await?)
    }

    /// Takes a lock away. Says whether there was one.
    ///
    /// # Errors
    /// When the database is not writable.
    pub async fn delete(&self, id: LockId) -> Result<bool, StoreError> {
        Ok(lock::Entity::delete_many()
            .filter(lock::Column::WorkspaceId.eq(self.0.workspace.0))
            .filter(lock::Column::Id.eq(id.0))
            .exec(self.0.connection)
            .await?
            .rows_affected
            > 0)
    }
}
