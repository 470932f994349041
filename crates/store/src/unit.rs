//! The two ways to the data: reading as a tenant, changing in a unit of work.

use std::sync::Arc;

use protocol::id::WorkspaceId;
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use crate::StoreError;
use crate::audit::{self, AuditRecord};
use crate::entity::audit_record;

/// A connection that is bound to one workspace. The nouns hang off it:
/// `tenant.servers()`, `tenant.commands()`, ….
pub struct Tenant<'a, C> {
    pub(crate) connection: &'a C,
    pub(crate) workspace: WorkspaceId,
}

/// Copied freely, whatever the connection is.
impl<C> Clone for Tenant<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Tenant<'_, C> {}

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    pub(crate) fn new(connection: &'a C, workspace: WorkspaceId) -> Self {
        Self {
            connection,
            workspace,
        }
    }

    /// The workspace.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }
}

/// A transaction in one workspace. Dropping it undoes everything.
pub struct Unit {
    transaction: DatabaseTransaction,
    workspace: WorkspaceId,
    audit_key: Arc<chain::SigningKey>,
}

impl Unit {
    pub(crate) fn new(
        transaction: DatabaseTransaction,
        workspace: WorkspaceId,
        audit_key: Arc<chain::SigningKey>,
    ) -> Self {
        Self {
            transaction,
            workspace,
            audit_key,
        }
    }

    /// Queries and changes inside the transaction.
    #[must_use]
    pub fn tenant(&self) -> Tenant<'_, DatabaseTransaction> {
        Tenant::new(&self.transaction, self.workspace)
    }

    /// Appends to the workspace's audit chain.
    ///
    /// # Errors
    /// When the record cannot be written; nothing else may happen then.
    pub async fn audit(&self, record: AuditRecord) -> Result<audit_record::Model, StoreError> {
        audit::append(&self.transaction, self.workspace, record, &self.audit_key).await
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// When the database cannot; nothing happened then.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}
