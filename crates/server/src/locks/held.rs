//! The locks of all workspaces in memory: every request asks, so asking costs no query.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use protocol::id::{LockId, ServerId, TokenId, UserId, WorkSessionId, WorkspaceId};
use store::entity::{command, lock, transfer};
use store::locks::LockKind;
use store::{Store, StoreError};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// A lock that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) id: LockId,
    pub(crate) workspace: WorkspaceId,
    pub(crate) kind: LockKind,
    pub(crate) object: Uuid,
    pub(crate) reason: String,
}

impl Held {
    fn of(row: lock::Model) -> Option<Self> {
        Some(Self {
            id: LockId(row.id),
            workspace: WorkspaceId(row.workspace_id),
            // One that a later version made means nothing here.
            kind: LockKind::parse(&row.kind)?,
            object: row.object_id,
            reason: row.reason,
        })
    }
}

type Index = HashMap<(LockKind, Uuid), Arc<Held>>;

/// Whom and what a piece of work rests on: it may go on while none of it is locked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Footing {
    pub(crate) user: Option<UserId>,
    pub(crate) token: Option<TokenId>,
    pub(crate) work_session: Option<WorkSessionId>,
    pub(crate) server: Option<ServerId>,
}

impl Footing {
    pub(crate) fn of_transfer(row: &transfer::Model) -> Self {
        Self {
            user: row.requested_by.map(UserId),
            token: row.token_id.map(TokenId),
            work_session: row.work_session_id.map(WorkSessionId),
            server: Some(ServerId(row.server_id)),
        }
    }

    pub(crate) fn of_command(row: &command::Model) -> Self {
        Self {
            user: row.requested_by.map(UserId),
            token: row.token_id.map(TokenId),
            work_session: row.work_session_id.map(WorkSessionId),
            server: Some(ServerId(row.server_id)),
        }
    }
}

/// The locks in force.
pub(crate) struct Locks {
    index: ArcSwap<Index>,
    /// One reads at a time: of two, the older reading must not be kept.
    turn: Semaphore,
}

impl Locks {
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let locks = Self {
            index: ArcSwap::default(),
            turn: Semaphore::new(1),
        };
        locks.reload(store).await?;
        Ok(locks)
    }

    /// Reads the locks again; gives those that were not in force before.
    pub(crate) async fn reload(&self, store: &Store) -> Result<Vec<Arc<Held>>, StoreError> {
        // Never closed; without a turn the reading is right all the same.
        let _turn = self.turn.acquire().await;
        let before = self.index.load_full();
        let mut index = Index::with_capacity(before.len());
        for row in store.all_locks().await? {
            if let Some(held) = Held::of(row) {
                index.insert((held.kind, held.object), Arc::new(held));
            }
        }
        let is_new = |held: &&Arc<Held>| {
            before
                .get(&(held.kind, held.object))
                .is_none_or(|old| old.id != held.id)
        };
        let added: Vec<Arc<Held>> = index.values().filter(is_new).cloned().collect();
        self.index.store(Arc::new(index));
        Ok(added)
    }

    /// The lock on something, if there is one.
    pub(crate) fn find(&self, kind: LockKind, object: Uuid) -> Option<Arc<Held>> {
        self.index.load().get(&(kind, object)).cloned()
    }

    /// What of a footing is locked, the workspace first.
    pub(crate) fn on(&self, workspace: WorkspaceId, footing: &Footing) -> Option<Arc<Held>> {
        let index = self.index.load();
        if index.is_empty() {
            return None;
        }
        [
            (LockKind::Workspace, Some(workspace.0)),
            (LockKind::User, footing.user.map(|id| id.0)),
            (LockKind::Token, footing.token.map(|id| id.0)),
            (LockKind::WorkSession, footing.work_session.map(|id| id.0)),
            (LockKind::Server, footing.server.map(|id| id.0)),
        ]
        .into_iter()
        .find_map(|(kind, id)| index.get(&(kind, id?)).cloned())
    }
}
