//! The built-in group that holds everyone (`rest-identity.md` §17.3).

use protocol::id::WorkspaceId;
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::identity::EVERYONE;
use store::{Store, StoreError};

/// Sees to it that the built-in group of a workspace exists and holds every user.
/// New workspaces come with it; those of earlier versions get it at a start.
pub(crate) async fn ensure(store: &Store, workspace: WorkspaceId) -> Result<(), StoreError> {
    let unit = store.begin(workspace).await?;
    if unit.tenant().identity().ensure_everyone().await? {
        unit.audit(AuditRecord {
            actor: Actor::system(),
            ip: String::new(),
            app: "iam",
            model: "group",
            object_id: None,
            action: "create",
            status_code: 201,
            description: format!("built-in group {EVERYONE} created with all users"),
            data: json!({"name": EVERYONE}),
        })
        .await?;
    }
    unit.commit().await
}
