//! What agents say about themselves (`agent-control.md` §13.1).

use protocol::agent::AgentEvent;
use protocol::event;
use serde_json::json;

use super::text::bounded;
use crate::commands;
use crate::http::{AgentCtx, ApiResult};

/// The agent's process started.
const STARTED: &str = "started";
/// The agent committed its information.
const COMMITTED: &str = "committed";
/// Longest reporter and record.
const MAX_NAME: usize = 64;
/// Longest description.
const MAX_DESCRIPTION: usize = 4096;

/// Stores an event and does what follows from it.
pub(super) async fn receive(ctx: &AgentCtx, reported: AgentEvent) -> ApiResult<()> {
    if reported.record == STARTED {
        let boot_id = reported.boot_id.as_deref();
        let boot_id = boot_id.map(|id| bounded(id, MAX_NAME));
        commands::agent_started(ctx, boot_id.as_deref(), &reported.unreported).await?;
    }
    let unit = ctx.begin().await?;
    unit.tenant()
        .history()
        .add_agent_event(
            ctx.server_id(),
            &bounded(&reported.reporter, MAX_NAME),
            &bounded(&reported.record, MAX_NAME),
            &bounded(&reported.description, MAX_DESCRIPTION),
        )
        .await?;
    unit.commit().await?;
    if reported.record == COMMITTED {
        ctx.app.events.publish(
            ctx.workspace_id(),
            event::SERVERS_COMMIT,
            Some(ctx.server.id),
            &json!({"sub_type": COMMITTED, "id": ctx.server_id()}),
        );
    }
    Ok(())
}
