//! Telling those who answer that a program waits.

use protocol::guard::Program;
use protocol::id::CommandId;
use protocol::notification::{Fact, Notification};
use serde_json::json;
use store::entity::command;
use store::{Unit, now};

use super::pages;
use crate::approvals::visible;
use crate::http::{AgentCtx, ApiResult};
use crate::notifications;

/// Queues a notification, in the unit of the report.
pub(super) async fn queue(
    ctx: &AgentCtx,
    unit: &Unit,
    row: &command::Model,
    program: &Program,
) -> ApiResult<()> {
    let fact = |name: &str, value: &str| Fact {
        name: name.to_owned(),
        value: visible(value),
    };
    let id = CommandId(row.id);
    let notification = Notification {
        event: "program.held".to_owned(),
        title: visible(&format!(
            "{} waits for an answer on {}",
            program.exe, ctx.server.name
        )),
        timestamp: now(),
        workspace: ctx.workspace.name.clone(),
        facts: vec![
            fact("Program", &program.exe),
            fact("Arguments", &program.argv.join(" ")),
            fact("Command line", &row.line),
            fact("Account", &row.username),
            fact("Server", &ctx.server.name),
        ],
        link: ctx
            .workspace
            .public_url(&ctx.app.config)
            .map(|url| format!("{url}{}", pages::path(id, program.seq))),
        object: json!({"command": row.id, "session": row.work_session_id, "program": program}),
    };
    notifications::queue(ctx, unit, &notification).await
}
