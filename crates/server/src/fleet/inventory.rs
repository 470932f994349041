//! Storing what agents say about their hosts (`agent-control.md` §8).

use std::collections::BTreeMap;

use protocol::agent::{SyncCheck, SyncRequired};
use serde_json::{Map, Value, json};
use store::audit::AuditRecord;
use store::fleet::AgentFacts;
use uuid::Uuid;

use super::category::Category;
use super::refresh;
use crate::http::{AgentCtx, ApiResult};

/// Longest fingerprint that is stored; agents send 71 characters.
const MAX_HASH: usize = 128;
/// Longest version text.
const MAX_VERSION: usize = 64;

/// A write to the rows of a category.
#[derive(Debug)]
pub(super) enum Write {
    /// Create objects, or replace those with the same key.
    Put(Value),
    /// Replace one object as a whole.
    Update(Uuid, Value),
    /// Delete one object.
    Delete(Uuid),
}

/// Stores a commit. Categories it does not name stay as they are.
pub(super) async fn commit(ctx: &AgentCtx, mut body: Map<String, Value>) -> ApiResult<()> {
    let first = !ctx.server.commissioned;
    let hashes = body.remove("sync_hashes").unwrap_or_default();
    let unit = ctx.begin().await?;
    let inventory = unit.tenant().inventory(ctx.server_id());
    for category in Category::ALL {
        let given = body
            .remove(category.name())
            .filter(|given| !given.is_null());
        let is_given = given.is_some();
        if let Some(given) = given {
            inventory
                .replace(category.name(), category.objects(given))
                .await?;
        }
        let Some(hash) = hash_of(&hashes, category) else {
            continue;
        };
        // An empty list is left out of a commit, but has a fingerprint.
        if is_given || inventory.rows(category.name()).await?.is_empty() {
            inventory.set_hash(category.name(), hash).await?;
        }
    }
    unit.tenant()
        .fleet()
        .record_facts(
            ctx.server_id(),
            AgentFacts {
                commissioned: true,
                ..facts(&body)
            },
        )
        .await?;
    if first {
        unit.audit(commission_record(ctx)).await?;
    }
    unit.commit().await?;
    if first {
        refresh::after_first_commit(ctx);
    }
    Ok(())
}

fn hash_of(hashes: &Value, category: Category) -> Option<&str> {
    let hash = hashes.get(category.name())?.as_str()?;
    Some(hash).filter(|hash| is_hash(hash))
}

fn is_hash(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_HASH && !text.contains('\0')
}

fn commission_record(ctx: &AgentCtx) -> AuditRecord {
    AuditRecord {
        actor: ctx.actor(),
        ip: ctx.ip.to_string(),
        app: "server",
        model: "server",
        object_id: Some(ctx.server.id),
        action: "commission",
        status_code: 200,
        description: format!("server {} sent its first commit", ctx.server.name),
        data: json!({}),
    }
}

/// Stores the head of a synchronisation: the agent's own state.
pub(super) async fn sync(ctx: &AgentCtx, body: &Map<String, Value>) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    unit.tenant()
        .fleet()
        .record_facts(ctx.server_id(), facts(body))
        .await?;
    Ok(unit.commit().await?)
}

/// What a body says about the agent. An explicit null clears what is stored, an
/// absent member keeps it; what has another type is as good as absent.
fn facts(body: &Map<String, Value>) -> AgentFacts {
    let text = |value: &Value| {
        let text = value.as_str()?.replace('\0', "\u{fffd}");
        Some(text.chars().take(MAX_VERSION).collect::<String>())
    };
    let clearable = |name: &str| match body.get(name)? {
        Value::Null => Some(None),
        value => text(value).map(Some),
    };
    AgentFacts {
        version: body.get("version").and_then(text),
        pam_version: clearable("pam_version"),
        sshd_use_pam: clearable("sshd_use_pam"),
        load: body.get("load").and_then(Value::as_f64),
        commissioned: false,
    }
}

/// Which of the agent's categories we do not hold as it has them.
pub(super) async fn sync_check(ctx: &AgentCtx, check: &SyncCheck) -> ApiResult<SyncRequired> {
    let stored = ctx.tenant().inventory(ctx.server_id()).hashes().await?;
    let stored = stored
        .into_iter()
        .map(|row| (row.category, row.hash))
        .collect();
    Ok(SyncRequired {
        sync_required: required(&check.hashes, &stored),
    })
}

fn required(current: &BTreeMap<String, String>, stored: &BTreeMap<String, String>) -> Vec<String> {
    Category::ALL
        .into_iter()
        .map(Category::name)
        .filter(|name| {
            current
                .get(*name)
                .is_some_and(|hash| stored.get(*name) != Some(hash))
        })
        .map(str::to_owned)
        .collect()
}

/// The rows of a category as agents compare them: their fields and our id.
pub(super) async fn rows(ctx: &AgentCtx, category: Category) -> ApiResult<Vec<Value>> {
    let inventory = ctx.tenant().inventory(ctx.server_id());
    let rows = inventory.rows(category.name()).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut object = row.data;
            if let Some(members) = object.as_object_mut() {
                members.insert("id".to_owned(), json!(row.id));
            }
            object
        })
        .collect())
}

/// Carries out a write. The category's fingerprint is stored with it, and
/// forgotten when it fails, so that the agent compares again.
pub(super) async fn write(
    ctx: &AgentCtx,
    category: Category,
    write: Write,
    hash: Option<&str>,
) -> ApiResult<()> {
    let written = try_write(ctx, category, write, hash).await;
    if written.is_err()
        && let Err(error) = forget_hash(ctx, category).await
    {
        tracing::warn!(
            detail = error.detail,
            category = category.name(),
            "a fingerprint could not be forgotten"
        );
    }
    written
}

async fn try_write(
    ctx: &AgentCtx,
    category: Category,
    write: Write,
    hash: Option<&str>,
) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    let inventory = unit.tenant().inventory(ctx.server_id());
    let name = category.name();
    let complete = match write {
        Write::Put(body) => {
            inventory.put(name, category.objects(body)).await?;
            true
        }
        Write::Update(id, body) => match category.objects(body).into_iter().next() {
            Some((key, object)) => {
                // A row that took the key meanwhile is the same thing on the host.
                if let Some(other) = inventory.find(name, &key).await?
                    && other.id != id
                {
                    inventory.delete(name, other.id).await?;
                }
                inventory.update(name, id, key, object).await?
            }
            None => false,
        },
        Write::Delete(id) => {
            inventory.delete(name, id).await?;
            true
        }
    };
    match hash.filter(|hash| is_hash(hash)) {
        Some(hash) if complete => inventory.set_hash(name, hash).await?,
        // The row is gone: what the agent compared with is no longer what we hold.
        _ if !complete => inventory.clear_hash(name).await?,
        _ => {}
    }
    Ok(unit.commit().await?)
}

async fn forget_hash(ctx: &AgentCtx, category: Category) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    unit.tenant()
        .inventory(ctx.server_id())
        .clear_hash(category.name())
        .await?;
    Ok(unit.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned()))
            .collect()
    }

    #[test]
    fn what_differs_or_is_unknown_is_required_in_order() {
        let current = hashes(&[("users", "u2"), ("os", "o1"), ("disks", "d1"), ("x", "y")]);
        let stored = hashes(&[("users", "u1"), ("os", "o1"), ("info", "i1")]);
        assert_eq!(required(&current, &stored), ["users", "disks"]);
        assert!(required(&hashes(&[]), &stored).is_empty());
    }

    #[test]
    fn null_clears_and_absence_keeps() {
        let body = |value: Value| value.as_object().cloned().unwrap();
        let cleared = facts(&body(json!({"sshd_use_pam": null, "load": 1})));
        assert_eq!(cleared.sshd_use_pam, Some(None));
        assert_eq!(cleared.pam_version, None);
        assert_eq!(cleared.load, Some(1.0));
        let wrong = facts(&body(
            json!({"sshd_use_pam": 7, "load": "x", "version": "1.0"}),
        ));
        assert_eq!(wrong.sshd_use_pam, None);
        assert_eq!(wrong.load, None);
        assert_eq!(wrong.version.as_deref(), Some("1.0"));
    }

    #[test]
    fn only_sensible_fingerprints_are_stored() {
        let long = "x".repeat(MAX_HASH + 1);
        let given = json!({"os": "sha256:00", "info": "", "disks": long, "users": 7});
        assert_eq!(hash_of(&given, Category::Os), Some("sha256:00"));
        for category in [
            Category::Info,
            Category::Disks,
            Category::Users,
            Category::Time,
        ] {
            assert_eq!(hash_of(&given, category), None);
        }
        assert_eq!(hash_of(&Value::Null, Category::Os), None);
    }
}
