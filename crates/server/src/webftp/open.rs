//! Opening a file browser.

use http::StatusCode;
use protocol::code;
use protocol::id::{CommandId, FileSessionId};
use protocol::transfer::Direction;
use protocol::webftp::{CreateWebftpSession, OPEN, OpenWebftp, WebftpSession};
use serde_json::json;
use store::entity::command;

use super::judge::Rules;
use super::kind::FileBrowsers;
use super::record;
use super::relay::Relay;
use crate::agents::Connection;
use crate::gate::{self, Grant, Operation, Origin, Target};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::server_summary;
use crate::rendezvous::{self, Bond, Expected};
use crate::transfers;

pub(super) const SOURCE: &str = "webftp";

/// Gate, record, order. The session exists when this returns; both sides have to
/// connect yet.
pub(super) async fn open(ctx: &Ctx, request: &CreateWebftpSession) -> ApiResult<WebftpSession> {
    if request.server.is_nil() {
        return Err(ApiError::missing(SOURCE, "server"));
    }
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::authorize(ctx, Operation::Webftp, target).await?;
    let connection = rendezvous::connected(ctx, &grant, SOURCE)?;
    let agent_is_ours = connection.channel.is_some();
    let rules = Rules {
        read: gate::file_rules(&grant, Direction::Download)?,
        write: gate::file_rules(&grant, Direction::Upload)?,
        origin: Origin::of(ctx, &grant).await?,
    };
    let has_rules = !rules.read.is_empty() || !rules.write.is_empty();
    if has_rules && !agent_is_ours {
        let refusal = ApiError::new(
            StatusCode::FORBIDDEN,
            "File rules apply, and this server's agent cannot keep to them in a file browser; \
             move single files, or install an agent that can.",
        )
        .code(code::PATH_NOT_ALLOWED, "path");
        gate::record_refusal(ctx, Operation::Webftp, request.server, &refusal, json!({})).await;
        return Err(refusal);
    }
    let home = transfers::home(ctx, &grant.server, &grant.username).await?;
    let bond = Bond::new(ctx, &grant, agent_is_ours);
    let expected = rendezvous::expect::<FileBrowsers>(ctx, bond, &connection)?;
    let order = record_opening(ctx, &grant, &expected.live.bond).await?;
    ctx.app.metrics.decision(Operation::Webftp.scope(), "allow");
    start(ctx, &grant, expected, (rules, home), &connection, order).await
}

/// The order to the agent and the audit record, in one transaction.
async fn record_opening(
    ctx: &Ctx,
    grant: &Grant,
    bond: &Bond<FileSessionId>,
) -> ApiResult<command::Model> {
    let unit = ctx.begin().await?;
    let data = json!({"session_id": bond.id, "username": grant.username});
    let order = rendezvous::order(&unit, bond, OPEN, &data).await?;
    unit.audit(record::opening(ctx, grant, bond)).await?;
    unit.commit().await?;
    Ok(order)
}

/// Durable from here on: starts the task of the session, and sends the order.
async fn start(
    ctx: &Ctx,
    grant: &Grant,
    expected: Expected<FileBrowsers>,
    (rules, home): (Rules, String),
    connection: &Connection,
    order: command::Model,
) -> ApiResult<WebftpSession> {
    let id = expected.live.bond.id;
    let arguments = OpenWebftp {
        session_id: id.to_string(),
        url: expected.agent_url,
        username: grant.username.clone(),
        // Without one the public agent would work as root.
        groupname: match grant.groupname.as_str() {
            "" => grant.username.clone(),
            group => group.to_owned(),
        },
        home_directory: home,
        read_rules: rules.read.lists.clone(),
        write_rules: rules.write.lists.clone(),
    };
    let relay = Relay {
        ctx: ctx.public.clone(),
        live: expected.live,
        actor: ctx.principal.actor(),
        rules,
        order: CommandId(order.id),
    };
    expected.place.keep();
    // Tracked and not aborted: it ends with the process by itself, and records that.
    ctx.app.tasks.spawn(relay.run(expected.arrivals));
    rendezvous::send_order(ctx, grant, connection, order, &arguments).await?;
    Ok(WebftpSession {
        id,
        server: server_summary(&grant.server, None),
        username: grant.username.clone(),
        groupname: grant.groupname.clone(),
        websocket_url: expected.client_url,
    })
}
