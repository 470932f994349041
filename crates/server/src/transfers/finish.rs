//! How transfers end.

use http::StatusCode;
use protocol::code;
use protocol::id::TransferId;
use protocol::transfer::{Direction, TransferReport};
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::transfer;
use store::transfers::Outcome;

use super::paths::SOURCE;
use super::{policy, quota};
use crate::http::{AgentCtx, ApiError, ApiResult, PublicCtx};
use crate::objects::RemoteError;

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
    let actor = ctx.actor();
    if !report.success || row.stored || ctx.app.objects.streams() {
        return finish(ctx, &row, outcome(&row, report), actor).await;
    }
    // Reading content through takes longer than an agent waits for an answer.
    let (ctx, mut row) = (ctx.public.clone(), row);
    let app = ctx.app.clone();
    app.spawn(async move {
        let ended = async {
            look_into_store(&ctx, &mut row).await?;
            finish(&ctx, &row, outcome(&row, report), actor).await
        };
        if let Err(error) = ended.await {
            tracing::error!(detail = error.detail, "a transfer could not be ended");
        }
    });
    Ok(())
}

/// Learns what a remote store holds of a transfer, which arrives there without us.
pub(super) async fn look_into_store(ctx: &PublicCtx, row: &mut transfer::Model) -> ApiResult<()> {
    let Some(remote) = &ctx.app.objects.remote else {
        return Ok(());
    };
    if row.stored {
        return Ok(());
    }
    let id = TransferId(row.transfer_id);
    let limit = u64::try_from(quota::max_bytes(ctx).min(quota::left(ctx, row).await?)).unwrap_or(0);
    let settings = &ctx.workspace.settings.transfer_policy;
    let admit = |head: &[u8]| policy::check_content(settings, head);
    let stored = match remote.measure(ctx.workspace_id(), id, limit, admit).await {
        Ok(stored) => stored,
        Err(RemoteError::NotAdmitted(reason)) => {
            not_admitted(ctx, id, &reason).await?;
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason)
                .code(code::CONTENT_NOT_ALLOWED, SOURCE));
        }
        Err(RemoteError::Missing) => return Ok(()),
        Err(error @ RemoteError::TooLarge(_)) => {
            return Err(
                ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
                    .code(code::TRANSFER_LIMIT_EXCEEDED, SOURCE),
            );
        }
        Err(error) => return Err(ApiError::internal(error)),
    };
    row.size = i64::try_from(stored.size).unwrap_or(i64::MAX);
    let unit = ctx.begin().await?;
    let transfers = unit.tenant().transfers();
    row.stored = transfers.stored(id, row.size, &stored.sha256).await?;
    unit.commit().await?;
    row.sha256 = Some(stored.sha256);
    Ok(())
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

/// Ends a transfer whose content the workspace does not let through, on the record.
pub(super) async fn not_admitted(ctx: &PublicCtx, id: TransferId, reason: &str) -> ApiResult<()> {
    let Some(row) = ctx.tenant().transfers().find(id).await? else {
        return Ok(());
    };
    let unit = ctx.begin().await?;
    unit.audit(AuditRecord {
        actor: Actor::system(),
        ip: row.remote_ip.clone(),
        app: SOURCE,
        model: "transfer",
        object_id: Some(row.transfer_id),
        action: "deny",
        status_code: StatusCode::UNSUPPORTED_MEDIA_TYPE.as_u16(),
        description: format!("{} of {} refused: {reason}", row.direction, row.name),
        data: json!({
            "code": code::CONTENT_NOT_ALLOWED,
            "server": row.server_id,
            "session": row.work_session_id,
            "token": row.token_id,
        }),
    })
    .await?;
    unit.commit().await?;
    let outcome = Outcome {
        success: false,
        message: reason.to_owned(),
        final_path: None,
    };
    finish(ctx, &row, outcome, Actor::system()).await
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
