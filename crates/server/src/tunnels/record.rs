//! What went through a tunnel, for the record.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::id::{TunnelConnectionId, TunnelId};
use store::now;
use store::tunnels::{Connection, Totals};

use crate::http::{ApiResult, PublicCtx};

/// Connections of one tunnel that are recorded one by one; more are only counted.
const MAX_RECORDED: i64 = 10_000;

/// What went through a tunnel.
#[derive(Debug)]
pub(super) struct Recorder {
    tunnel: TunnelId,
    connections: AtomicI64,
    sent: AtomicI64,
    received: AtomicI64,
    /// Changed since they were stored last.
    changed: Mutex<HashMap<TunnelConnectionId, Connection>>,
}

impl Recorder {
    pub(super) fn new(tunnel: TunnelId) -> Self {
        Self {
            tunnel,
            connections: AtomicI64::new(0),
            sent: AtomicI64::new(0),
            received: AtomicI64::new(0),
            changed: Mutex::default(),
        }
    }

    fn changed(&self) -> MutexGuard<'_, HashMap<TunnelConnectionId, Connection>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn totals(&self) -> Totals {
        Totals {
            connections: self.connections.load(Ordering::Relaxed),
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
        }
    }

    /// Begins a connection.
    pub(super) fn begin(self: &Arc<Self>, port: i64, source_port: Option<u16>) -> Meter {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let meter = Meter {
            recorder: self.clone(),
            is_recorded: number < MAX_RECORDED,
            id: TunnelConnectionId::new(),
            port,
            source_port,
            opened_at: now(),
            sent: AtomicI64::new(0),
            received: AtomicI64::new(0),
        };
        meter.note("open", false);
        meter
    }

    /// Stores what changed. A row counts as stored only once it is durable: whoever
    /// waits here may be cancelled at any moment.
    pub(super) async fn store(&self, ctx: &PublicCtx) -> ApiResult<()> {
        let changed = self.changed().clone();
        if changed.is_empty() {
            return Ok(());
        }
        let rows: Vec<Connection> = changed.values().cloned().collect();
        let unit = ctx.begin().await?;
        let tunnels = unit.tenant().tunnels();
        tunnels.count(self.tunnel, self.totals()).await?;
        tunnels.store_connections(self.tunnel, &rows).await?;
        unit.commit().await?;
        // What changed meanwhile is newer, and still to be stored.
        self.changed()
            .retain(|id, row| changed.get(id) != Some(row));
        Ok(())
    }
}

/// Counts the bytes of one connection. Its end is recorded when it is dropped.
#[derive(Debug)]
pub(super) struct Meter {
    recorder: Arc<Recorder>,
    is_recorded: bool,
    id: TunnelConnectionId,
    port: i64,
    source_port: Option<u16>,
    opened_at: chrono::DateTime<chrono::Utc>,
    sent: AtomicI64,
    received: AtomicI64,
}

impl Meter {
    /// Counts bytes towards the target.
    pub(super) fn sent(&self, bytes: usize) {
        count(bytes, &self.sent, &self.recorder.sent);
    }

    /// Counts bytes from the target.
    pub(super) fn received(&self, bytes: usize) {
        count(bytes, &self.received, &self.recorder.received);
    }

    /// Bytes in both directions so far.
    pub(super) fn total(&self) -> i64 {
        self.sent.load(Ordering::Relaxed) + self.received.load(Ordering::Relaxed)
    }

    /// Records the end.
    pub(super) fn end(&self, outcome: &'static str) {
        self.note(outcome, true);
    }

    fn note(&self, outcome: &'static str, has_ended: bool) {
        if !self.is_recorded {
            return;
        }
        let row = Connection {
            id: self.id,
            port: self.port,
            source_port: self.source_port,
            opened_at: self.opened_at,
            closed_at: has_ended.then(now),
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
            outcome,
        };
        self.recorder.changed().insert(self.id, row);
    }
}

fn count(bytes: usize, one: &AtomicI64, all: &AtomicI64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    one.fetch_add(bytes, Ordering::Relaxed);
    all.fetch_add(bytes, Ordering::Relaxed);
}
