//! Tunnels as callers see them, and which ones.

use chrono::SecondsFormat;
use protocol::auth::extension;
use protocol::id::{TokenId, TunnelConnectionId, TunnelId, UserId, WorkSessionId};
use protocol::tunnel::{Tunnel, TunnelConnection};
use protocol::work_session::TimelineItem;
use store::entity::{tunnel, tunnel_connection};
use store::tunnels::TunnelFilter;

use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::Summaries;

/// What may be used on a tunnel's WebSocket.
pub(super) fn extensions() -> Vec<String> {
    vec![extension::TUNNEL_MUX.to_owned()]
}

/// A tunnel the caller may see: one's own; for superusers, any.
pub(super) async fn visible(ctx: &Ctx, id: TunnelId) -> ApiResult<tunnel::Model> {
    let row = ctx
        .tenant()
        .tunnels()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let is_own = match ctx.principal.user_id() {
        Some(user) => row.requested_by == Some(user.0),
        None => row.token_id == ctx.principal.token().map(|token| token.0),
    };
    if is_own || ctx.principal.is_superuser() {
        Ok(row)
    } else {
        Err(ApiError::not_found())
    }
}

/// Narrows a list to what the caller may see.
pub(super) fn narrow(ctx: &Ctx, filter: TunnelFilter) -> TunnelFilter {
    if ctx.principal.is_superuser() {
        return filter;
    }
    let user: Option<UserId> = ctx.principal.user_id();
    let token: Option<TokenId> = match user {
        Some(_) => None,
        None => ctx.principal.token(),
    };
    TunnelFilter {
        requested_by: user,
        token,
        ..filter
    }
}

pub(super) async fn tunnel(ctx: &Ctx, row: &tunnel::Model) -> ApiResult<Tunnel> {
    let mut all = tunnels(ctx, std::slice::from_ref(row)).await?;
    Ok(all.pop().unwrap_or_default())
}

pub(super) async fn tunnels(ctx: &Ctx, rows: &[tunnel::Model]) -> ApiResult<Vec<Tunnel>> {
    let users = rows.iter().filter_map(|row| row.requested_by);
    let servers = rows.iter().map(|row| row.server_id);
    let summaries = Summaries::read(ctx, users, servers).await?;
    Ok(rows.iter().map(|row| detail(row, &summaries)).collect())
}

fn detail(row: &tunnel::Model, summaries: &Summaries) -> Tunnel {
    Tunnel {
        id: TunnelId(row.id),
        userchannel_id: TunnelId(row.id),
        websocket_url: String::new(),
        server: summaries.server(row.server_id),
        target_port: row.target_port,
        client_type: row.client_type.clone(),
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        work_session: row.work_session_id.map(WorkSessionId),
        requested_by: summaries.user(row.requested_by),
        added_at: Some(row.added_at),
        closed_at: row.closed_at,
        close_reason: row.close_reason.clone(),
        connections: row.connections,
        bytes_sent: row.bytes_sent,
        bytes_received: row.bytes_received,
        extensions: Vec::new(),
    }
}

pub(super) fn connection(row: &tunnel_connection::Model) -> TunnelConnection {
    TunnelConnection {
        id: TunnelConnectionId(row.id),
        port: row.port,
        source_port: row.source_port,
        opened_at: Some(row.opened_at),
        closed_at: row.closed_at,
        bytes_sent: row.bytes_sent,
        bytes_received: row.bytes_received,
        outcome: row.outcome.clone(),
    }
}

/// A tunnel in the timeline of its work session.
pub(crate) fn timeline_item(row: &tunnel::Model) -> TimelineItem {
    let text =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    TimelineItem {
        kind: "tunnel_session".to_owned(),
        timestamp: Some(text(row.added_at)),
        id: row.id.to_string(),
        server_id: Some(row.server_id.to_string()),
        username: Some(row.username.clone()),
        groupname: Some(row.groupname.clone()),
        client_type: Some(row.client_type.clone()),
        closed_at: row.closed_at.map(text),
        is_tunnel: Some(true),
        target_port: Some(row.target_port),
        connections: Some(row.connections),
        bytes_sent: Some(row.bytes_sent),
        bytes_received: Some(row.bytes_received),
        ..TimelineItem::default()
    }
}
