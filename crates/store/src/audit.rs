//! The audit chain of a workspace.

use chain::{Entry, Fault, Hash, Head, SigningKey, Verifier};
use chrono::{DateTime, Utc};
use protocol::id::{AuditId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DatabaseTransaction,
    EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::Serialize;
use uuid::Uuid;

use crate::entity::{audit_head, audit_record, user};
use crate::{Store, StoreError, Tenant, now};

/// Rows read at a time when a chain is verified.
const VERIFY_BATCH: u64 = 1000;

/// Something that happened, to be appended.
#[derive(Clone, Debug)]
pub struct AuditRecord {
    /// Who.
    pub actor: Actor,
    /// From where; empty when it came from inside.
    pub ip: String,
    /// Area, for example `command`.
    pub app: &'static str,
    /// Kind of object, for example `command`.
    pub model: &'static str,
    /// Which object.
    pub object_id: Option<Uuid>,
    /// What was done, for example `create`, `deny`.
    pub action: &'static str,
    /// HTTP status the caller gets.
    pub status_code: u16,
    /// For people.
    pub description: String,
    /// What else matters. Never a secret.
    pub data: serde_json::Value,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// `user`, `application`, `agent`, `system` or `anonymous`.
    pub kind: &'static str,
    /// Their id.
    pub id: Option<Uuid>,
    /// Their name at the time.
    pub name: String,
}

impl Actor {
    /// The control plane itself.
    #[must_use]
    pub fn system() -> Self {
        Self {
            kind: "system",
            id: None,
            name: "system".to_owned(),
        }
    }

    /// A user.
    #[must_use]
    pub fn user(user: &user::Model) -> Self {
        Self {
            kind: "user",
            id: Some(user.id),
            name: user.username.clone(),
        }
    }

    /// The agent of a server.
    #[must_use]
    pub fn agent(server: Uuid, name: &str) -> Self {
        Self {
            kind: "agent",
            id: Some(server),
            name: name.to_owned(),
        }
    }
}

/// What a list of records may be narrowed to.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only this actor.
    pub actor: Option<Uuid>,
    /// Only this area, any case.
    pub app: Option<String>,
    /// Only this kind of object, any case.
    pub model: Option<String>,
}

/// The audit queries of a workspace.
pub struct Audit<'a, C>(Tenant<'a, C>);

impl<'a, C: ConnectionTrait> Tenant<'a, C> {
    /// The audit trail.
    #[must_use]
    pub fn audit(self) -> Audit<'a, C> {
        Audit(self)
    }
}

impl<C: ConnectionTrait> Audit<'_, C> {
    /// Records before `before` (exclusive; none: from the newest), newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<audit_record::Model>, StoreError> {
        use audit_record::Column;
        let mut query = audit_record::Entity::find()
            .filter(Column::WorkspaceId.eq(self.0.workspace.0))
            .order_by_desc(Column::Seq)
            .limit(limit);
        if let Some(before) = before {
            query = query.filter(Column::Seq.lt(before));
        }
        if let Some(actor) = filter.actor {
            query = query.filter(Column::ActorId.eq(actor));
        }
        if let Some(app) = &filter.app {
            query = query.filter(Column::App.eq(app.to_lowercase()));
        }
        if let Some(model) = &filter.model {
            query = query.filter(Column::Model.eq(model.to_lowercase()));
        }
        Ok(query.all(self.0.connection).await?)
    }

    /// The signed end of the chain.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn head(&self) -> Result<Option<audit_head::Model>, StoreError> {
        Ok(audit_head::Entity::find_by_id(self.0.workspace.0)
            .one(self.0.connection)
            .await?)
    }
}

/// Starts the chain of a new workspace.
pub(crate) async fn start(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    key: &SigningKey,
) -> Result<(), StoreError> {
    let head = Head::sign(workspace.0.as_bytes(), 0, Hash::GENESIS, key);
    audit_head::ActiveModel {
        workspace_id: Set(workspace.0),
        seq: Set(0),
        hash: Set(head.hash.to_string()),
        key_id: Set(head.key_id),
        signature: Set(head.signature),
    }
    .insert(connection)
    .await?;
    Ok(())
}

/// Appends a record. The head row is locked, so appends to one chain queue up.
pub(crate) async fn append(
    transaction: &DatabaseTransaction,
    workspace: WorkspaceId,
    record: AuditRecord,
    key: &SigningKey,
) -> Result<audit_record::Model, StoreError> {
    let head = audit_head::Entity::find_by_id(workspace.0)
        .lock_exclusive()
        .one(transaction)
        .await?
        .ok_or(StoreError::Corrupt("audit head"))?;
    let previous = Hash::parse(&head.hash).ok_or(StoreError::Corrupt("audit head"))?;
    let mut model = audit_record::Model {
        workspace_id: workspace.0,
        seq: head.seq + 1,
        id: AuditId::new().0,
        time: now(),
        actor_kind: record.actor.kind.to_owned(),
        actor_id: record.actor.id,
        actor_name: record.actor.name,
        ip: record.ip,
        app: record.app.to_owned(),
        model: record.model.to_owned(),
        object_id: record.object_id,
        action: record.action.to_owned(),
        status_code: i64::from(record.status_code),
        description: record.description.replace('\0', "\u{fffd}"),
        data: record.data.to_string(),
        previous_hash: head.hash.clone(),
        hash: String::new(),
    };
    let seq = u64::try_from(model.seq).map_err(|_| StoreError::Corrupt("audit head"))?;
    let hash = Hash::entry(previous, seq, &body(&model)?);
    model.hash = hash.to_string();
    audit_record::ActiveModel::from(model.clone())
        .insert(transaction)
        .await?;
    let signed = Head::sign(workspace.0.as_bytes(), seq, hash, key);
    audit_head::ActiveModel {
        workspace_id: Set(workspace.0),
        seq: Set(model.seq),
        hash: Set(model.hash.clone()),
        key_id: Set(signed.key_id),
        signature: Set(signed.signature),
    }
    .update(transaction)
    .await?;
    Ok(model)
}

/// What an entry's hash covers: every column but the hashes, in this order.
#[derive(Serialize)]
struct Body<'a>(
    &'a Uuid,
    &'a Uuid,
    i64,
    &'a str,
    Option<&'a Uuid>,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    Option<&'a Uuid>,
    &'a str,
    i64,
    &'a str,
    &'a str,
);

pub(crate) fn body(model: &audit_record::Model) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Body(
        &model.workspace_id,
        &model.id,
        model.time.timestamp_micros(),
        &model.actor_kind,
        model.actor_id.as_ref(),
        &model.actor_name,
        &model.ip,
        &model.app,
        &model.model,
        model.object_id.as_ref(),
        &model.action,
        model.status_code,
        &model.description,
        &model.data,
    ))
    .map_err(|_| StoreError::Corrupt("audit record"))
}

/// The outcome of verifying one workspace's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which workspace.
    pub workspace: String,
    /// Entries in the chain.
    pub entries: u64,
    /// When its newest record was written.
    pub newest: Option<DateTime<Utc>>,
    /// The newest head, to be kept elsewhere.
    pub head: Head,
}

/// Why a chain does not verify.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The chain is damaged.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// A signature does not hold.
    #[error("{0}")]
    Head(#[from] chain::HeadError),
    /// A stored hash is not a hash.
    #[error("entry {0} was altered: its hash is not readable")]
    Hash(i64),
    /// A record holds what was never written.
    #[error("a record in place of entry {0} cannot be read")]
    Unreadable(u64),
    /// The head row is gone.
    #[error("the signed end of the chain is missing")]
    NoHead,
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Verifies the chain of one workspace against its signed end and against
    /// `kept`, heads that were stored elsewhere.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub async fn verify_audit(
        &self,
        workspace: WorkspaceId,
        name: &str,
        key: &chain::PublicKey,
        kept: Vec<Head>,
    ) -> Result<Verified, VerifyError> {
        use audit_record::Column;
        let chain_name = workspace.0.as_bytes();
        for head in &kept {
            head.verify(chain_name, key)?;
        }
        let mut verifier = Verifier::new(kept);
        let mut after = i64::MIN;
        let mut done = 0_u64;
        let mut newest = None;
        loop {
            let rows = audit_record::Entity::find()
                .filter(Column::WorkspaceId.eq(workspace.0))
                .filter(Column::Seq.gt(after))
                .order_by_asc(Column::Seq)
                .limit(VERIFY_BATCH)
                .all(self.read())
                .await
                .map_err(|error| match error {
                    sea_orm::DbErr::Type(_)
                    | sea_orm::DbErr::Query(sea_orm::RuntimeErr::SqlxError(_)) => {
                        VerifyError::Unreadable(done + 1)
                    }
                    other => VerifyError::Store(other.into()),
                })?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in &rows {
                let seq = u64::try_from(row.seq).map_err(|_| VerifyError::Hash(row.seq))?;
                let parse = |text: &str| Hash::parse(text).ok_or(VerifyError::Hash(row.seq));
                verifier.push(Entry {
                    seq,
                    previous: parse(&row.previous_hash)?,
                    hash: parse(&row.hash)?,
                    body: &body(row)?,
                })?;
                done = seq;
                newest = Some(row.time);
            }
        }
        // Read last: appends that came meanwhile are then not taken for a cut.
        let head = self
            .tenant(workspace)
            .audit()
            .head()
            .await?
            .ok_or(VerifyError::NoHead)?;
        let head = Head {
            seq: u64::try_from(head.seq).map_err(|_| VerifyError::Hash(head.seq))?,
            hash: Hash::parse(&head.hash).ok_or(VerifyError::Hash(head.seq))?,
            key_id: head.key_id,
            signature: head.signature,
        };
        head.verify(chain_name, key)?;
        let entries = verifier.finish(&head)?;
        Ok(Verified {
            workspace: name.to_owned(),
            entries,
            newest,
            head,
        })
    }
}
