//! Opening a file browser.

use std::collections::BTreeMap;

use http::StatusCode;
use protocol::code;
use protocol::command::{SHELL_INTERNAL, Status};
use protocol::id::{CommandId, FileSessionId, ServerId, TokenId, UserId, WorkSessionId};
use protocol::transfer::Direction;
use protocol::webftp::{CreateWebftpSession, OPEN, OpenWebftp, WebftpSession};
use serde_json::json;
use store::commands::NewCommand;
use store::entity::command;

use super::channel::{agent_url, client_url};
use super::hub::Bond;
use super::judge::Rules;
use super::record;
use super::relay::Relay;
use crate::agents::Connection;
use crate::commands::dispatch;
use crate::crypto::token::{self, Token};
use crate::gate::{self, Grant, Operation, Target};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::server_summary;
use crate::locks::Footing;
use crate::transfers;

pub(super) const SOURCE: &str = "webftp";
/// Whom orders to the agent itself name; see `commands::internal`.
const ACCOUNT: &str = "root";

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
    let connection = ctx
        .app
        .agents
        .connection(ServerId(grant.server.id))
        .ok_or_else(|| {
            ApiError::conflict(format!(
                "The agent of {} is not connected; try again when it is.",
                grant.server.name
            ))
            .code(code::SERVER_NOT_CONNECTED, SOURCE)
        })?;
    let agent_is_ours = connection.channel.is_some();
    let rules = Rules {
        read: gate::file_rules(&grant, Direction::Download)?,
        write: gate::file_rules(&grant, Direction::Upload)?,
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
    let bond = Bond {
        id: FileSessionId::new(),
        workspace: ctx.workspace_id(),
        server: request.server,
        footing: Footing {
            user: ctx.principal.user_id(),
            token: ctx.principal.token(),
            work_session: grant.session.as_ref().map(|row| WorkSessionId(row.id)),
            server: Some(request.server),
        },
        agent_is_ours,
    };
    if !ctx.app.file_browsers.has_room(&bond) {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many file browsers are open; close some, or try again later.",
        )
        .retry_after(5));
    }
    let order = record_opening(ctx, &grant, &bond).await?;
    ctx.app.metrics.decision(Operation::Webftp.scope(), "allow");
    start(ctx, &grant, bond, rules, &connection, order).await
}

/// The order to the agent and the audit record, in one transaction. The stored order
/// lacks the address with its credential.
async fn record_opening(ctx: &Ctx, grant: &Grant, bond: &Bond) -> ApiResult<command::Model> {
    let (user, token): (Option<UserId>, Option<TokenId>) = (bond.footing.user, bond.footing.token);
    let unit = ctx.begin().await?;
    let order = unit
        .tenant()
        .commands()
        .create(NewCommand {
            server: bond.server,
            requested_by: user,
            token,
            work_session: bond.footing.work_session,
            shell: SHELL_INTERNAL,
            line: OPEN.to_owned(),
            argv: None,
            sealed_env: None,
            data: json!({"session_id": bond.id, "username": grant.username}).to_string(),
            username: ACCOUNT.to_owned(),
            groupname: ACCOUNT.to_owned(),
            status: Status::Delivered,
            verdict: json!({}),
            guard: None,
            run_after: Vec::new(),
            scheduled_at: None,
        })
        .await?;
    unit.audit(record::opening(ctx, grant, bond)).await?;
    unit.commit().await?;
    Ok(order)
}

/// Durable from here on: lets both sides in, and sends the order.
async fn start(
    ctx: &Ctx,
    grant: &Grant,
    bond: Bond,
    rules: Rules,
    connection: &Connection,
    mut order: command::Model,
) -> ApiResult<WebftpSession> {
    let client_token = Token::generate(token::CHANNEL)?;
    let agent_token = Token::generate(token::CHANNEL)?;
    let id = bond.id;
    let home = transfers::home(ctx, &grant.server, &grant.username).await?;
    let arguments = OpenWebftp {
        session_id: id.to_string(),
        url: agent_url(&connection.websocket_base, id, agent_token.reveal()),
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
    let (live, arrivals) =
        ctx.app
            .file_browsers
            .insert(bond, client_token.hash(), agent_token.hash());
    let relay = Relay {
        ctx: ctx.public.clone(),
        live,
        actor: ctx.principal.actor(),
        rules,
        order: CommandId(order.id),
    };
    // Tracked and not aborted: it ends with the process by itself, and records that.
    ctx.app.tasks.spawn(relay.run(arrivals));
    order.data = serde_json::to_string(&arguments).map_err(ApiError::internal)?;
    dispatch::send(
        &ctx.public,
        &order,
        BTreeMap::new(),
        connection,
        grant.session.as_deref(),
    )
    .await;
    Ok(WebftpSession {
        id,
        server: server_summary(&grant.server, None),
        username: grant.username.clone(),
        groupname: grant.groupname.clone(),
        websocket_url: client_url(&ctx.websocket_base(), id, client_token.reveal()),
    })
}
