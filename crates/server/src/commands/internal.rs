//! Orders to the agent itself: synchronise, restart, reboot ….

use protocol::command::{SHELL_INTERNAL, Status};
use protocol::id::{ServerId, UserId};
use serde_json::{Value, json};
use store::commands::NewCommand;
use store::entity::command;

use super::dispatch;
use crate::http::{ApiResult, PublicCtx};

/// Whom orders to the agent name as user and group: agents expect both to be filled,
/// and it is root that carries these out (`agent-control.md` §22.1).
const ACCOUNT: &str = "root";

/// An internal command.
#[derive(Clone, Debug)]
pub(crate) struct InternalOrder {
    pub(crate) server: ServerId,
    pub(crate) requested_by: Option<UserId>,
    /// `sync`, `restart`, ….
    pub(crate) name: &'static str,
    /// Arguments; null for none.
    pub(crate) arguments: Value,
}

/// Creates an internal command and sends it if its agent is connected. It waits
/// for a while otherwise. The caller has recorded it.
pub(crate) async fn order_internal(
    ctx: &PublicCtx,
    order: InternalOrder,
) -> ApiResult<command::Model> {
    let connection = ctx.app.agents.connection(order.server);
    let unit = ctx.begin().await?;
    let row = unit
        .tenant()
        .commands()
        .create(NewCommand {
            server: order.server,
            requested_by: order.requested_by,
            token: None,
            login: None,
            work_session: None,
            shell: SHELL_INTERNAL,
            line: order.name.to_owned(),
            argv: None,
            sealed_env: None,
            data: if order.arguments.is_null() {
                String::new()
            } else {
                order.arguments.to_string()
            },
            username: ACCOUNT.to_owned(),
            groupname: ACCOUNT.to_owned(),
            status: if connection.is_some() {
                Status::Delivered
            } else {
                Status::Queued
            },
            verdict: json!({}),
            guard: None,
            run_after: Vec::new(),
            scheduled_at: None,
        })
        .await?;
    unit.commit().await?;
    if let Some(connection) = connection {
        dispatch::send(
            ctx,
            &row,
            std::collections::BTreeMap::new(),
            &connection,
            None,
        )
        .await;
    }
    Ok(row)
}
