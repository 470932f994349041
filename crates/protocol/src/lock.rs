//! Locks: an addition of ours. What is locked is not usable until it is unlocked; what
//! runs ends within a second.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::iam::UserSummary;
use crate::id::LockId;

/// A lock, as `/api/security/locks/` lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Lock {
    /// Id of the lock: what to delete.
    pub id: LockId,
    /// `user`, `token`, `work_session`, `server` or `workspace`.
    pub kind: String,
    /// Id of what is locked.
    pub object: Uuid,
    /// Name of what is locked; empty when it is gone.
    pub name: String,
    /// Why, for people.
    pub reason: String,
    /// Who locked it; none: the operator of the server.
    pub locked_by: Option<UserSummary>,
    /// Since when.
    pub added_at: Option<DateTime<Utc>>,
}

/// `POST /api/security/locks/`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct CreateLock {
    /// `user`, `token`, `work_session`, `server` or `workspace`.
    pub kind: String,
    /// Id of what to lock; not given for the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Uuid>,
    /// Why, for people.
    pub reason: String,
}
