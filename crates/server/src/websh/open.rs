//! Opening a terminal.

use http::StatusCode;
use protocol::auth::extension;
use protocol::id::{CommandId, ServerId, WebshChannelId};
use protocol::websh::{CreateWebsh, OPEN, OpenPty, WebshSession};
use serde_json::{Value, json};
use store::audit::AuditRecord;
use store::entity::{command, websh_session};
use store::websh::NewWebsh;

use super::channel::{agent_path, client_url};
use super::hub::{Bond, Live, Role};
use super::relay::Relay;
use super::view;
use crate::agents::Connection;
use crate::crypto::token::{self, Token};
use crate::gate::{self, Grant, Operation, Target};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::rendezvous;

pub(super) const SOURCE: &str = "websh";
/// Longest `User-Agent` that is kept.
const MAX_USER_AGENT: usize = 200;

/// A terminal's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: u16,
    pub(super) cols: u16,
}

impl Size {
    pub(super) fn read(rows: i64, cols: i64) -> ApiResult<Self> {
        let read = |name: &'static str, value: i64| {
            u16::try_from(value)
                .ok()
                .filter(|value| *value > 0)
                .ok_or_else(|| {
                    let detail = format!("{name} must be a number from 1 to 65535.");
                    ApiError::field(SOURCE, name, detail)
                })
        };
        Ok(Self {
            rows: read("rows", rows)?,
            cols: read("cols", cols)?,
        })
    }
}

/// Gate, record, order. The session exists, durably, when this returns; both sides have
/// to connect yet.
pub(super) async fn open(
    ctx: &Ctx,
    request: &CreateWebsh,
    user_agent: &str,
) -> ApiResult<WebshSession> {
    if request.server.is_nil() {
        return Err(ApiError::missing(SOURCE, "server"));
    }
    let size = Size::read(request.rows, request.cols)?;
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::authorize(ctx, Operation::Websh, target).await?;
    if let Err(refusal) = gate::check_terminal(&grant) {
        let data = json!({"session": request.work_session});
        gate::record_refusal(ctx, Operation::Websh, request.server, &refusal, data).await;
        return Err(refusal);
    }
    let connection = rendezvous::connected(ctx, &grant, SOURCE)?;
    // Agents of terminals show their own key, all of them.
    let bond = Bond::new(ctx, &grant, true);
    if !ctx.app.websh.has_room(&bond) {
        return Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many terminals are open; close some, or try again later.",
        )
        .retry_after(5));
    }
    let user_agent = user_agent.chars().take(MAX_USER_AGENT).collect();
    let opened = record(ctx, &grant, &bond, size, user_agent).await?;
    ctx.app.metrics.decision(SOURCE, "allow");
    start(ctx, &grant, bond, &connection, opened).await
}

/// What the database holds of a session that is to be opened.
struct Opened {
    row: websh_session::Model,
    order: command::Model,
    home: String,
}

/// The session, the order to the agent and the audit record, in one transaction. The
/// stored order lacks the address with its credential.
async fn record(
    ctx: &Ctx,
    grant: &Grant,
    bond: &Bond,
    size: Size,
    user_agent: String,
) -> ApiResult<Opened> {
    let home = home(ctx, grant).await?;
    let unit = ctx.begin().await?;
    let data = json!({"session_id": bond.id, "username": grant.username});
    let order = rendezvous::order(&unit, bond, OPEN, &data).await?;
    let row = unit
        .tenant()
        .websh()
        .create(NewWebsh {
            id: bond.id,
            server: bond.server,
            requested_by: bond.footing.user,
            token: bond.footing.token,
            work_session: bond.footing.work_session,
            order: CommandId(order.id),
            username: grant.username.clone(),
            groupname: grant.groupname.clone(),
            rows: size.rows,
            cols: size.cols,
            user_agent,
            client_type: "cli",
            remote_ip: ctx.ip.to_string(),
        })
        .await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "websh_session",
        object_id: Some(row.id),
        action: "create",
        status_code: StatusCode::CREATED.as_u16(),
        description: format!("terminal on {} as {}", grant.server.name, row.username),
        data: json!({
            "server": bond.server,
            "session": bond.footing.work_session,
            "token": bond.footing.token,
            "username": row.username,
        }),
    })
    .await?;
    unit.commit().await?;
    Ok(Opened { row, order, home })
}

/// The account's home as the server's inventory knows it. Ours finds it itself; public
/// agents rely on it.
async fn home(ctx: &Ctx, grant: &Grant) -> ApiResult<String> {
    let inventory = ctx.tenant().inventory(ServerId(grant.server.id));
    let known = inventory.find("users", &grant.username).await?;
    let home = known.and_then(|row| {
        let home = row.data.get("directory").and_then(Value::as_str)?;
        Some(home.to_owned())
    });
    Ok(home.unwrap_or_else(|| match grant.username.as_str() {
        "root" => "/root".to_owned(),
        name => format!("/home/{name}"),
    }))
}

/// Durable from here on: lets both sides in, and sends the order.
async fn start(
    ctx: &Ctx,
    grant: &Grant,
    bond: Bond,
    connection: &Connection,
    opened: Opened,
) -> ApiResult<WebshSession> {
    let Opened { row, order, home } = opened;
    let client_token = Token::generate(token::CHANNEL)?;
    let agent_token = Token::generate(token::CHANNEL)?;
    let (client_channel, agent_channel) = (WebshChannelId::new(), WebshChannelId::new());
    let (id, footing) = (bond.id, bond.footing);
    let (live, inbox) = Live::new(bond, 0);
    live.expect(
        client_channel,
        Role::Owner,
        footing,
        false,
        client_token.hash(),
    );
    live.expect(
        agent_channel,
        Role::Agent,
        footing,
        false,
        agent_token.hash(),
    );
    ctx.app.websh.insert(live.clone());
    let relay = Relay {
        ctx: ctx.public.clone(),
        live,
        actor: ctx.principal.actor(),
        order: CommandId(order.id),
    };
    // Tracked and not aborted: it ends with the process by itself.
    ctx.app.tasks.spawn(relay.run(row.clone(), inbox));
    let is_ours = connection.channel.is_some();
    let path = agent_path(id, agent_channel, agent_token.reveal());
    let arguments = OpenPty {
        session_id: id.to_string(),
        url: format!("{}{path}", connection.websocket_base),
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        // Ours asks the host, which knows better.
        home_directory: if is_ours { String::new() } else { home },
        shell: String::new(),
        rows: u16::try_from(row.rows).unwrap_or_default(),
        cols: u16::try_from(row.cols).unwrap_or_default(),
        no_new_privileges: !gate::may_gain_privileges(grant),
        extensions: vec![extension::TERMINAL_RESUME.to_owned()],
    };
    rendezvous::send_order(ctx, grant, connection, order, &arguments).await?;
    let mut answer = view::session(ctx, &row).await?;
    let base = ctx.websocket_base();
    answer.websocket_url = client_url(&base, id, client_channel, client_token.reveal());
    Ok(answer)
}
