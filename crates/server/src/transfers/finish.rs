//! How transfers end.

use protocol::id::TransferId;
use protocol::transfer::{Direction, TransferReport};
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::transfer;
use store::transfers::Outcome;

use super::paths::SOURCE;
use crate::http::{AgentCtx, ApiError, ApiResult, PublicCtx};

/// Longest message that is kept, in characters.
const MAX_MESSAGE: usize = 1000;

/// Takes the agent's report.
pub(super) async fn report(
    ctx: &AgentCtx,
    id: TransferId,
    direction: Direction,
    report: TransferReport,
) -> ApiResult<()> {
    let row = ctx.tenant().transfers().find(id).await?;
    let row = row
        .filter(|row| row.server_id == ctx.server.id && row.direction == direction.as_str())
        .ok_or_else(ApiError::not_found)?;
    let actor = Actor {
        kind: "agent",
        id: Some(ctx.server.id),
        name: ctx.server.name.clone(),
    };
    finish(ctx, &row, outcome(&row, report), actor).await
}

/// What a report means, beside what the store has seen.
fn outcome(row: &transfer::Model, report: TransferReport) -> Outcome {
    let failed = |message: &str| Outcome {
        success: false,
        message: message.to_owned(),
        final_path: None,
    };
    if report.success && !row.stored {
        return failed("The agent reports success, but the content never was in the store.");
    }
    let differs = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
        (Some(ours), Some(theirs)) => !ours.eq_ignore_ascii_case(theirs),
        _ => false,
    };
    if report.success && differs(&row.sha256, &report.sha256) {
        return failed("The content changed on its way between the store and the host.");
    }
    Outcome {
        success: report.success,
        message: clean(&report.message),
        final_path: report
            .path
            .map(|path| clean(&path))
            .filter(|_| report.success),
    }
}

/// Text of an agent as it may be stored and shown.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .take(MAX_MESSAGE)
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// Ends a transfer, once.
pub(super) async fn finish(
    ctx: &PublicCtx,
    row: &transfer::Model,
    outcome: Outcome,
    actor: Actor,
) -> ApiResult<()> {
    let id = TransferId(row.transfer_id);
    let unit = ctx.begin().await?;
    if !unit.tenant().transfers().finish(id, &outcome).await? {
        return Ok(());
    }
    unit.audit(AuditRecord {
        actor,
        ip: String::new(),
        app: SOURCE,
        model: "transfer",
        object_id: Some(row.transfer_id),
        action: "finish",
        status_code: 200,
        description: format!(
            "{} of {} {}",
            row.direction,
            row.name,
            if outcome.success { "done" } else { "failed" }
        ),
        data: json!({
            "success": outcome.success,
            "message": outcome.message,
            "path": outcome.final_path,
            "size": row.size,
            "sha256": row.sha256,
            "server": row.server_id,
            "session": row.work_session_id,
        }),
    })
    .await?;
    unit.commit().await?;
    if !outcome.success {
        // Whoever still writes or reads learns why.
        ctx.app.objects.end(id, &outcome.message);
    }
    ctx.app.transfer_feeds.wake(id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_hosts_are_bounded_and_tame() {
        assert_eq!(clean("a\u{1b}[31mb\nc"), "a\u{fffd}[31mb\nc");
        assert_eq!(clean(&"x".repeat(5000)).len(), MAX_MESSAGE);
    }
}
