//! The guardrails of all workspaces, compiled: every operation asks, so asking costs no
//! query.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use guardrail::{Set, Source};
use protocol::id::WorkspaceId;
use store::entity::guardrail as row;
use store::{Store, StoreError};
use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::app::SharedApp;

/// How soon a node learns of another node's change.
const TICK: Duration = Duration::from_millis(500);

/// What is in force in a workspace.
#[derive(Clone, Debug)]
pub(crate) enum InForce {
    /// There is none.
    Nothing,
    /// Compiled.
    Set(Arc<Set>),
    /// This one cannot be used by this version: nothing may happen.
    Broken { name: Arc<str>, reason: Arc<str> },
}

#[derive(Debug)]
struct Kept {
    /// What it was compiled from.
    versions: Vec<(Uuid, i64)>,
    in_force: InForce,
}

/// The guardrails in force.
pub(crate) struct Guardrails {
    index: ArcSwap<HashMap<WorkspaceId, Arc<Kept>>>,
    /// One reads at a time: of two, the older reading must not be kept.
    turn: Semaphore,
}

impl Guardrails {
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let guardrails = Self {
            index: ArcSwap::default(),
            turn: Semaphore::new(1),
        };
        guardrails.reload(store).await?;
        Ok(guardrails)
    }

    /// Reads them again; compiles those of workspaces where something changed.
    pub(crate) async fn reload(&self, store: &Store) -> Result<(), StoreError> {
        // Never closed; without a turn the reading is right all the same.
        let _turn = self.turn.acquire().await;
        let mut rows: HashMap<WorkspaceId, Vec<row::Model>> = HashMap::new();
        for row in store.all_guardrails().await? {
            rows.entry(WorkspaceId(row.workspace_id))
                .or_default()
                .push(row);
        }
        let before = self.index.load_full();
        let mut index = HashMap::with_capacity(rows.len());
        let mut changed = before.len() != rows.len();
        for (workspace, rows) in rows {
            let versions: Vec<_> = rows.iter().map(|row| (row.id, row.version)).collect();
            let kept = match before.get(&workspace) {
                Some(kept) if kept.versions == versions => kept.clone(),
                _ => {
                    changed = true;
                    Arc::new(Kept {
                        versions,
                        in_force: compiled(rows),
                    })
                }
            };
            index.insert(workspace, kept);
        }
        if changed {
            self.index.store(Arc::new(index));
        }
        Ok(())
    }

    /// What is in force in a workspace.
    pub(crate) fn of(&self, workspace: WorkspaceId) -> InForce {
        let index = self.index.load();
        index
            .get(&workspace)
            .map_or(InForce::Nothing, |kept| kept.in_force.clone())
    }
}

fn compiled(rows: Vec<row::Model>) -> InForce {
    let sources: Vec<Source> = rows.into_iter().map(source).collect();
    match Set::compile(&sources) {
        Ok(set) => InForce::Set(Arc::new(set)),
        Err((name, error)) => {
            tracing::error!(name, %error, "a guardrail cannot be used; its workspace stands still");
            InForce::Broken {
                name: name.into(),
                reason: error.to_string().into(),
            }
        }
    }
}

pub(super) fn source(row: row::Model) -> Source {
    Source {
        id: row.id.to_string(),
        name: row.name,
        version: row.version,
        text: row.policy,
    }
}

/// Learns of changes by other nodes until the server drains.
pub(crate) async fn watch(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = app.guardrails.reload(&app.store).await {
            tracing::warn!(%error, "the guardrails could not be read");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(policy: &str) -> row::Model {
        let time = store::now();
        row::Model {
            id: Uuid::nil(),
            workspace_id: Uuid::nil(),
            name: "old".to_owned(),
            description: String::new(),
            policy: policy.to_owned(),
            enabled: true,
            version: 1,
            changed_by: None,
            added_at: time,
            updated_at: time,
        }
    }

    #[test]
    fn one_that_cannot_be_used_stands_for_all() {
        let good = "forbid (principal, action, resource);";
        assert!(matches!(compiled(vec![row(good)]), InForce::Set(_)));
        let InForce::Broken { name, .. } = compiled(vec![row(good), row("what")]) else {
            panic!("a guardrail that says nothing must not be passed over")
        };
        assert_eq!(&*name, "old");
    }
}
