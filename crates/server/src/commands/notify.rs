//! Telling reviewers of a risky command that runs all the same.

use protocol::notification::{Fact, Notification};
use serde_json::json;
use store::Unit;
use store::entity::{command, server};
use store::now;

use crate::http::{ApiResult, Ctx};
use crate::notifications;

/// Queues a notification, in the unit of the command.
pub(super) async fn queue(
    ctx: &Ctx,
    unit: &Unit,
    row: &command::Model,
    server: &server::Model,
) -> ApiResult<()> {
    let fact = |name: &str, value: &str| Fact {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let who = ctx.principal.actor().name;
    let notification = Notification {
        event: "command.risk".to_owned(),
        title: format!("{who} runs a risky command on {}", server.name),
        timestamp: now(),
        workspace: ctx.workspace.name.clone(),
        facts: vec![
            fact("Command line", &row.line),
            fact("Account", &row.username),
            fact("Server", &server.name),
        ],
        link: None,
        object: json!({"id": row.id, "line": row.line, "verdict": row.verdict}),
    };
    notifications::queue(ctx, unit, &notification).await
}
