//! Answers about programs that the exec guard holds.

use http::StatusCode;
use protocol::code;
use protocol::guard::{HoldAnswer, Verdict};
use protocol::id::{CommandId, ServerId, UserId};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::command;

use crate::agents;
use crate::http::{ApiError, ApiResult, Ctx};

const SOURCE: &str = "guard";

/// What somebody says about a held program.
pub(super) struct Decision<'a> {
    pub(super) seq: i64,
    pub(super) allow: bool,
    pub(super) by: UserId,
    pub(super) name: &'a str,
}

/// Records the answer, then sends it to the agent.
pub(super) async fn answer(
    ctx: &Ctx,
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
        .answer(id, decision.seq, verdict, decision.by)
        .await?;
    if !waits {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "This program does not wait for an answer, or no longer does.",
        ));
    }
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
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
            decision.name
        ),
        data: json!({"seq": decision.seq, "session": row.work_session_id}),
    })
    .await?;
    unit.commit().await?;
    let answer = HoldAnswer {
        seq: decision.seq,
        allow: decision.allow,
        by: decision.name.to_owned(),
    };
    let message = agents::answer_message(id, &answer, &connection, &ctx.app.keys.orders)
        .map_err(ApiError::internal)?;
    if !message.is_some_and(|message| connection.send(message)) {
        // It is denied when its time is over, whatever was recorded: the record says
        // what was decided, the program's end what came of it.
        tracing::warn!(command = %id, "an answer could not be sent");
        return Err(ApiError::unavailable(
            "The agent does not take answers at the moment; the program will be denied.",
        ));
    }
    Ok(())
}
