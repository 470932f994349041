//! Orders to agents: `upload` makes the agent send, `download` makes it fetch.

use std::collections::BTreeMap;

use http::StatusCode;
use protocol::code;
use protocol::command::{SHELL_INTERNAL, Status};
use protocol::id::{CommandId, ServerId, TokenId, TransferId, UserId, WorkSessionId};
use protocol::transfer::{PathRules, ReceiveFile, ReceiveOrder, SendOrder, resource};
use serde_json::json;
use store::Unit;
use store::commands::NewCommand;
use store::entity::{command, server, transfer, work_session};

use super::paths::SOURCE;
use super::{finish, quota};
use crate::agents::Connection;
use crate::commands::dispatch;
use crate::gate::{self, Operation, Target};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::objects::{Access, Linked};

/// The resource type of several paths at once.
pub(super) const BULK: &str = "bulk";
/// Files of one order.
const MAX_FILES: usize = 1000;
/// The agent's words for what it does.
const SEND: &str = "upload";
const RECEIVE: &str = "download";

/// Whether a command carries out a transfer.
pub(crate) fn is_order(command: &command::Model) -> bool {
    command.shell == SHELL_INTERNAL && matches!(command.line.as_str(), SEND | RECEIVE)
}

/// An agent that is there.
pub(super) struct Agent(Connection);

impl Agent {
    /// The agent of a server.
    ///
    /// # Errors
    /// When it is not connected: what it should fetch or send could not reach it.
    pub(super) fn of(ctx: &PublicCtx, server: &server::Model) -> ApiResult<Self> {
        let connection = ctx.app.agents.connection(ServerId(server.id));
        connection.map(Self).ok_or_else(|| {
            ApiError::new(
                StatusCode::CONFLICT,
                format!(
                    "The server {} is not connected; its agent must run for a transfer.",
                    server.name
                ),
            )
            .code(code::SERVER_NOT_CONNECTED, SOURCE)
        })
    }

    /// It verifies orders, keeps to file rules, streams and resumes.
    pub(super) fn is_ours(&self) -> bool {
        self.0.channel.is_some()
    }

    /// Our address as this agent reaches us.
    fn base(&self) -> String {
        self.0.websocket_base.replacen("ws", "http", 1)
    }
}

/// Creates the command that carries out transfers, all of one request. `None`:
/// they are on their way already.
pub(super) async fn create(
    ctx: &PublicCtx,
    unit: &Unit,
    agent: &Agent,
    rows: &mut [transfer::Model],
) -> ApiResult<Option<command::Model>> {
    let Some(first) = rows.first().cloned() else {
        return Ok(None);
    };
    let (line, data) = match first.direction.as_str() {
        "download" => (SEND, send_order(ctx, agent, &first).await?),
        _ => (RECEIVE, receive_order(ctx, agent, rows).await?),
    };
    let command = unit
        .tenant()
        .commands()
        .create(NewCommand {
            server: ServerId(first.server_id),
            requested_by: first.requested_by.map(UserId),
            token: first.token_id.map(TokenId),
            login: None,
            work_session: first.work_session_id.map(WorkSessionId),
            shell: SHELL_INTERNAL,
            line: line.to_owned(),
            argv: None,
            sealed_env: None,
            data,
            username: first.username.clone(),
            groupname: first.groupname.clone(),
            status: Status::Delivered,
            verdict: json!({}),
            guard: None,
            run_after: Vec::new(),
            scheduled_at: None,
        })
        .await?;
    let transfers = unit.tenant().transfers();
    for row in rows {
        let id = TransferId(row.transfer_id);
        if !transfers.order(id, CommandId(command.id)).await? {
            return Ok(None);
        }
        row.command_id = Some(command.id);
    }
    Ok(Some(command))
}

/// Sends what is durable.
pub(super) async fn send(
    ctx: &PublicCtx,
    agent: &Agent,
    command: &command::Model,
    session: Option<&work_session::Model>,
) {
    dispatch::send(ctx, command, BTreeMap::new(), &agent.0, session).await;
}

/// Delivers uploads whose content is there, after asking the gate again: the
/// authority may have ended since they were created.
pub(super) async fn deliver(ctx: &Ctx, mut rows: Vec<transfer::Model>) -> ApiResult<()> {
    rows.retain(|row| row.command_id.is_none() && row.success.is_none());
    for row in &mut rows {
        finish::look_into_store(ctx, row).await?;
    }
    let Some(first) = rows.first() else {
        return Ok(());
    };
    if let Some(row) = rows.iter().find(|row| !row.stored) {
        return Err(ApiError::conflict(format!(
            "The content of {:?} has not arrived; put it to its upload_url first.",
            row.name
        )));
    }
    let target = Target {
        server: ServerId(first.server_id),
        username: &first.username,
        groupname: &first.groupname,
        work_session: first.work_session_id.map(WorkSessionId),
    };
    let grant = gate::authorize(ctx, Operation::Webftp, target).await?;
    let agent = Agent::of(ctx, &grant.server)?;
    let unit = ctx.begin().await?;
    let Some(command) = create(ctx, &unit, &agent, &mut rows).await? else {
        // Somebody else was first; what they ordered goes its way.
        return Ok(());
    };
    unit.commit().await?;
    send(ctx, &agent, &command, grant.session.as_deref()).await;
    Ok(())
}

/// Refuses what cannot be one order: other servers, accounts or sessions.
pub(super) fn require_one_kind(rows: &[transfer::Model]) -> ApiResult<()> {
    let Some(first) = rows.first() else {
        return Err(ApiError::missing(SOURCE, "ids"));
    };
    let kind = |row: &transfer::Model| {
        (
            row.server_id,
            row.username.clone(),
            row.groupname.clone(),
            row.work_session_id,
            row.token_id,
        )
    };
    if rows.len() <= MAX_FILES && rows.iter().all(|row| kind(row) == kind(first)) {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        "ids",
        "ids must name uploads of one bulk request.",
    ))
}

async fn send_order(ctx: &PublicCtx, agent: &Agent, row: &transfer::Model) -> ApiResult<String> {
    let kind = match row.resource_type.as_str() {
        kind @ (resource::FILE | resource::FOLDER) if agent.is_ours() => kind,
        _ => "",
    };
    encode(&SendOrder {
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        paths: texts(&row.ordered_paths)?,
        content: link(ctx, agent, row, Access::Write).await?,
        use_blob: true,
        url: format!("/api/webftp/downloads/{}/", row.transfer_id),
        home_directory: row.home_directory.clone(),
        streaming: row.streaming,
        rules: rules(row)?,
        resource_type: kind.to_owned(),
        max_bytes: agent.is_ours().then_some(quota::max_bytes(ctx)),
    })
}

async fn receive_order(
    ctx: &PublicCtx,
    agent: &Agent,
    rows: &[transfer::Model],
) -> ApiResult<String> {
    let mut files = Vec::with_capacity(rows.len());
    for row in rows {
        let path = texts(&row.ordered_paths)?.into_iter().next();
        let typed = texts(&row.paths)?.into_iter().next().unwrap_or_default();
        // Where the path does not say that it is a directory, our agent looks.
        let name = match agent.is_ours() && !typed.ends_with('/') {
            true => row.name.clone(),
            false => String::new(),
        };
        files.push(ReceiveFile {
            groupname: row.groupname.clone(),
            kind: "url".to_owned(),
            content: link(ctx, agent, row, Access::Read).await?,
            path: path.unwrap_or_default(),
            allow_overwrite: row.allow_overwrite,
            allow_unzip: row.allow_unzip,
            url: format!("/api/webftp/uploads/{}/", row.transfer_id),
            name,
            rules: rules(row)?,
        });
    }
    let first = rows.first();
    let mut order = ReceiveOrder {
        username: first.map(|row| row.username.clone()).unwrap_or_default(),
        home_directory: first
            .map(|row| row.home_directory.clone())
            .unwrap_or_default(),
        ..ReceiveOrder::default()
    };
    match files.len() {
        1 => order.file = files.remove(0),
        _ => order.files = files,
    }
    encode(&order)
}

async fn link(
    ctx: &PublicCtx,
    agent: &Agent,
    row: &transfer::Model,
    access: Access,
) -> ApiResult<String> {
    let to = Linked {
        workspace: ctx.workspace_id(),
        id: TransferId(row.transfer_id),
        access,
        expires: row.expires_at,
    };
    let linked = ctx.app.objects.link(&agent.base(), to).await;
    linked.map_err(ApiError::internal)
}

fn rules(row: &transfer::Model) -> ApiResult<PathRules> {
    serde_json::from_value(row.rules.clone())
        .map_err(|_| ApiError::internal("unreadable rules of a transfer"))
}

pub(super) fn texts(array: &serde_json::Value) -> ApiResult<Vec<String>> {
    serde_json::from_value(array.clone())
        .map_err(|_| ApiError::internal("unreadable paths of a transfer"))
}

fn encode(order: &impl serde::Serialize) -> ApiResult<String> {
    serde_json::to_string(order).map_err(ApiError::internal)
}
