//! Opening a tunnel.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::StatusCode;
use protocol::code;
use protocol::id::{CommandId, TunnelId};
use protocol::tunnel::{CreateTunnel, OPEN, OpenTunnel, Tunnel};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::{command, tunnel};
use store::tunnels::NewTunnel;

use super::kind::Tunnels;
use super::relay::Relay;
use super::view;
use crate::agents::Connection;
use crate::gate::{self, Grant, Operation, Target};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::rendezvous::{self, Bond, Expected};

pub(super) const SOURCE: &str = "tunnel";
/// Kinds of clients, and what the agent is told of each.
const CLIENT_TYPES: [(&str, &str); 3] = [("cli", "cli"), ("web", "web"), ("proxy", "cli")];

/// Gate, record, order. The tunnel exists, durably, when this returns; both sides
/// have to connect yet.
pub(super) async fn open(ctx: &Ctx, request: &CreateTunnel) -> ApiResult<Tunnel> {
    let (target_port, client_type) = check_shape(request)?;
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::authorize(ctx, Operation::Tunnel, target).await?;
    let judged = match gate::check_port(&grant, target_port) {
        Ok(()) => {
            let detail = guardrail::Detail::Tunnel(target_port);
            gate::require_guardrails(ctx, &grant, [detail]).await
        }
        refused => refused,
    };
    if let Err(refusal) = judged {
        let data = json!({"port": target_port, "session": request.work_session});
        gate::record_refusal(ctx, Operation::Tunnel, request.server, &refusal, data).await;
        return Err(refusal);
    }
    let connection = rendezvous::connected(ctx, &grant, SOURCE)?;
    let bond = Bond::new(ctx, &grant, true);
    let expected = rendezvous::expect::<Tunnels>(ctx, bond, &connection)?;
    let bond = &expected.live.bond;
    let opened = record(ctx, &grant, bond, (client_type, target_port)).await?;
    ctx.app.metrics.decision(SOURCE, "allow");
    start(ctx, &grant, expected, &connection, opened).await
}

fn check_shape(request: &CreateTunnel) -> ApiResult<(u16, &'static str)> {
    if request.server.is_nil() {
        return Err(ApiError::missing(SOURCE, "server"));
    }
    let port = u16::try_from(request.target_port)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| {
            ApiError::field(
                SOURCE,
                "target_port",
                "target_port must be a number from 1 to 65535.",
            )
        })?;
    let wanted = match request.client_type.as_str() {
        "" => "cli",
        given => given,
    };
    let (client_type, _) = CLIENT_TYPES
        .into_iter()
        .find(|(name, _)| *name == wanted)
        .ok_or_else(|| {
            let mut refusal = ApiError::field(
                SOURCE,
                "client_type",
                "client_type must be cli, web or proxy.",
            );
            refusal.code = Some(code::INVALID_CHOICE);
            refusal
        })?;
    Ok((port, client_type))
}

/// What the database holds of a tunnel that is to be opened.
struct Opened {
    row: tunnel::Model,
    order: command::Model,
}

/// The tunnel, the order to the agent and the audit record, in one transaction. The
/// stored order lacks the address with its credential.
async fn record(
    ctx: &Ctx,
    grant: &Grant,
    bond: &Bond<TunnelId>,
    (client_type, target_port): (&'static str, u16),
) -> ApiResult<Opened> {
    let footing = &bond.footing;
    let unit = ctx.begin().await?;
    let row = unit
        .tenant()
        .tunnels()
        .create(NewTunnel {
            id: bond.id,
            server: bond.server,
            requested_by: footing.user,
            token: footing.token,
            work_session: footing.work_session,
            username: grant.username.clone(),
            groupname: grant.groupname.clone(),
            client_type,
            target_port,
            remote_ip: ctx.ip.to_string(),
        })
        .await?;
    let data = json!({"session_id": bond.id, "target_port": target_port});
    let order = rendezvous::order(&unit, bond, OPEN, &data).await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "tunnel",
        object_id: Some(row.id),
        action: "create",
        status_code: StatusCode::CREATED.as_u16(),
        description: format!("tunnel to {}:{}", grant.server.name, target_port),
        data: json!({
            "server": bond.server,
            "session": footing.work_session,
            "token": footing.token,
            "target_port": target_port,
            "username": row.username,
            "client_type": client_type,
        }),
    })
    .await?;
    unit.commit().await?;
    Ok(Opened { row, order })
}

/// Durable from here on: starts the task of the tunnel, and sends the order.
async fn start(
    ctx: &Ctx,
    grant: &Grant,
    expected: Expected<Tunnels>,
    connection: &Connection,
    opened: Opened,
) -> ApiResult<Tunnel> {
    let Opened { row, order } = opened;
    let target_port = u16::try_from(row.target_port).unwrap_or_default();
    let id = expected.live.bond.id;
    let relay = Arc::new(Relay {
        ctx: ctx.public.clone(),
        live: expected.live,
        actor: ctx.principal.actor(),
        target_port,
        order: CommandId(order.id),
        told: AtomicBool::new(false),
    });
    expected.place.keep();
    // Tracked and not aborted: it ends with the process by itself, and records that.
    ctx.app.tasks.spawn(relay.run(expected.arrivals));
    let client_type = CLIENT_TYPES
        .into_iter()
        .find(|(name, _)| *name == row.client_type)
        .map_or("cli", |(_, told)| told);
    let arguments = OpenTunnel {
        session_id: id.to_string(),
        url: expected.agent_url,
        client_type: client_type.to_owned(),
        target_port,
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        extensions: view::extensions(),
    };
    rendezvous::send_order(ctx, grant, connection, order, &arguments).await?;
    let mut answer = view::tunnel(ctx, &row).await?;
    answer.websocket_url = expected.client_url;
    answer.extensions = view::extensions();
    Ok(answer)
}
