//! Logins on hosts that did not come through us (`agent-control.md` §17).

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use store::audit::AuditRecord;
use store::history::NewAccessEvent;
use store::now;
use uuid::Uuid;

use super::text::bounded;
use crate::http::{AgentCtx, ApiResult};

const MAX_USERNAME: usize = 128;
const MAX_SERVICE: usize = 64;
const MAX_RHOST: usize = 255;
const MAX_TTY: usize = 64;

/// `POST /api/events/access/`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub(super) struct LocalAccess {
    /// Stable over retries.
    event_id: Uuid,
    /// Account, at most 128 characters.
    username: String,
    /// For example `sshd`, at most 64 characters.
    service: String,
    /// From where, at most 255 characters.
    rhost: String,
    /// Terminal, at most 64 characters.
    tty: String,
    /// Process.
    pid: i64,
    /// Its parent.
    ppid: i64,
    /// When; now if absent.
    timestamp: Option<DateTime<Utc>>,
}

/// Stores and records a login. One that is known already changes nothing.
pub(super) async fn receive(ctx: &AgentCtx, reported: LocalAccess) -> ApiResult<()> {
    let event = NewAccessEvent {
        event_id: reported.event_id,
        username: bounded(&reported.username, MAX_USERNAME),
        service: bounded(&reported.service, MAX_SERVICE),
        rhost: bounded(&reported.rhost, MAX_RHOST),
        tty: bounded(&reported.tty, MAX_TTY),
        pid: reported.pid,
        ppid: reported.ppid.max(0),
        timestamp: reported.timestamp.unwrap_or_else(now),
    };
    let record = AuditRecord {
        actor: ctx.actor(),
        ip: event.rhost.clone(),
        app: "server",
        model: "server",
        object_id: Some(ctx.server.id),
        action: "local_access",
        status_code: 200,
        description: format!(
            "{} came to {} by {}, not through us",
            event.username, ctx.server.name, event.service
        ),
        data: json!({
            "username": event.username,
            "service": event.service,
            "tty": event.tty,
            "pid": event.pid,
        }),
    };
    let unit = ctx.begin().await?;
    let is_new = unit
        .tenant()
        .history()
        .add_access_event(ctx.server_id(), event)
        .await?;
    if is_new {
        unit.audit(record).await?;
    }
    Ok(unit.commit().await?)
}
