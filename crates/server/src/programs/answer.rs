//! Answers about programs that the exec guard holds.

use http::StatusCode;
use protocol::code;
use protocol::guard::{HoldAnswer, Verdict};
use protocol::id::{CommandId, ServerId, UserId};
use serde_json::json;
use store::audit::{Actor, AuditRecord};
use store::entity::{command, user};

use crate::agents::{self, Connection};
use crate::http::{AgentCtx, ApiError, ApiResult, PublicCtx};

const SOURCE: &str = "guard";

/// What somebody says about a held program.
pub(super) struct Decision<'a> {
    pub(super) seq: i64,
    pub(super) allow: bool,
    pub(super) by: &'a user::Model,
}

/// Refuses who may not answer about programs of a command.
pub(super) fn check(user: &user::Model, row: &command::Model) -> ApiResult<()> {
    if !(user.is_active && user.is_superuser) {
        return Err(ApiError::forbidden(
            "Superusers answer about held programs.",
        ));
    }
    if row.requested_by == Some(user.id) {
        return Err(ApiError::forbidden(
            "Nobody decides about a command of their own; ask another superuser.",
        ));
    }
    Ok(())
}

/// Records the answer, then sends it to the agent.
pub(super) async fn answer(
    ctx: &PublicCtx,
    actor: Actor,
    row: &command::Model,
    decision: Decision<'_>,
) -> ApiResult<()> {
    let id = CommandId(row.id);
    let connection = ctx
        .app
        .agents
        .connection(ServerId(row.server_id))
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::CONFLICT,
                "The server's agent is not connected; the program stays held until it is, or \
                 until its time is over.",
            )
            .code(code::SERVER_NOT_CONNECTED, SOURCE)
        })?;
    let verdict = if decision.allow {
        Verdict::Allow
    } else {
        Verdict::Deny
    };
    let unit = ctx.begin().await?;
    let waits = (unit.tenant().programs())
        .answer(id, decision.seq, verdict, UserId(decision.by.id))
        .await?;
    if !waits {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "This program does not wait for an answer, or no longer does.",
        ));
    }
    unit.audit(AuditRecord {
        actor,
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "command",
        object_id: Some(row.id),
        action: if decision.allow { "allow" } else { "deny" },
        status_code: StatusCode::OK.as_u16(),
        description: format!(
            "held program {} of a command {} by {}",
            decision.seq,
            if decision.allow { "allowed" } else { "denied" },
            decision.by.username
        ),
        data: json!({"seq": decision.seq, "session": row.work_session_id}),
    })
    .await?;
    unit.commit().await?;
    let answer = HoldAnswer {
        seq: decision.seq,
        allow: decision.allow,
        by: decision.by.username.clone(),
    };
    if !send(ctx, id, &answer, &connection)? {
        // It is denied when its time is over, whatever was recorded: the record says
        // what was decided, the program's end what came of it.
        tracing::warn!(command = %id, "an answer could not be sent");
        return Err(ApiError::unavailable(
            "The agent does not take answers at the moment; the program will be denied.",
        ));
    }
    Ok(())
}

/// Whether the agent took the answer.
fn send(
    ctx: &PublicCtx,
    id: CommandId,
    answer: &HoldAnswer,
    connection: &Connection,
) -> ApiResult<bool> {
    let message = agents::answer_message(id, answer, connection, &ctx.app.keys.orders);
    let message = message.map_err(ApiError::internal)?;
    Ok(message.is_some_and(|message| connection.send(message)))
}

/// Denies a held program for which there is no room. If the agent cannot be told, the
/// program is denied when its time is over.
pub(super) fn deny(ctx: &AgentCtx, id: CommandId, seq: i64) {
    let Some(connection) = ctx.app.agents.connection(ctx.server_id()) else {
        return;
    };
    let answer = HoldAnswer {
        seq,
        allow: false,
        by: "the limit of held programs".to_owned(),
    };
    if !matches!(send(ctx, id, &answer, &connection), Ok(true)) {
        tracing::warn!(command = %id, "a held program could not be denied");
    }
}
