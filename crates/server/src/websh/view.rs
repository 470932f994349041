//! Sessions as callers see them, and which ones.

use chrono::SecondsFormat;
use protocol::id::{WebshSessionId, WorkSessionId};
use protocol::websh::WebshSession;
use protocol::work_session::TimelineItem;
use store::entity::websh_session;
use store::websh::WebshFilter;

use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::Summaries;

pub(super) async fn find(ctx: &Ctx, id: WebshSessionId) -> ApiResult<websh_session::Model> {
    let found = ctx.tenant().websh().find(id).await?;
    found.ok_or_else(ApiError::not_found)
}

/// Whether the caller opened it.
pub(super) fn is_own(ctx: &Ctx, row: &websh_session::Model) -> bool {
    match ctx.principal.user_id() {
        Some(user) => row.requested_by == Some(user.0),
        None => row.token_id.is_some() && row.token_id == ctx.principal.token().map(|it| it.0),
    }
}

/// A session of the caller's own.
pub(super) async fn own(ctx: &Ctx, id: WebshSessionId) -> ApiResult<websh_session::Model> {
    let row = find(ctx, id).await?;
    match is_own(ctx, &row) {
        true => Ok(row),
        false => Err(ApiError::not_found()),
    }
}

/// A session the caller may see: one's own; for staff and superusers, any.
pub(super) async fn visible(ctx: &Ctx, id: WebshSessionId) -> ApiResult<websh_session::Model> {
    let row = find(ctx, id).await?;
    match is_own(ctx, &row) || sees_all(ctx) {
        true => Ok(row),
        false => Err(ApiError::not_found()),
    }
}

pub(super) fn sees_all(ctx: &Ctx) -> bool {
    ctx.principal.is_superuser() || ctx.principal.is_staff()
}

/// Narrows a list to what the caller may see.
pub(super) fn narrow(ctx: &Ctx, filter: WebshFilter) -> WebshFilter {
    if sees_all(ctx) {
        return filter;
    }
    let user = ctx.principal.user_id();
    let token = match user {
        Some(_) => None,
        None => ctx.principal.token(),
    };
    WebshFilter {
        requested_by: user,
        token,
        ..filter
    }
}

pub(super) async fn session(ctx: &Ctx, row: &websh_session::Model) -> ApiResult<WebshSession> {
    let mut all = sessions(ctx, std::slice::from_ref(row)).await?;
    Ok(all.pop().unwrap_or_default())
}

pub(super) async fn sessions(
    ctx: &Ctx,
    rows: &[websh_session::Model],
) -> ApiResult<Vec<WebshSession>> {
    let users = rows.iter().filter_map(|row| row.requested_by);
    let servers = rows.iter().map(|row| row.server_id);
    let summaries = Summaries::read(ctx, users, servers).await?;
    Ok(rows.iter().map(|row| detail(row, &summaries)).collect())
}

fn detail(row: &websh_session::Model, summaries: &Summaries) -> WebshSession {
    WebshSession {
        id: WebshSessionId(row.id),
        rows: row.rows,
        cols: row.cols,
        server: summaries.server(row.server_id),
        user: summaries.user(row.requested_by),
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        work_session: row.work_session_id.map(WorkSessionId),
        user_agent: row.user_agent.clone(),
        remote_ip: row.remote_ip.clone(),
        is_tunnel: false,
        client_type: row.client_type.clone(),
        added_at: Some(row.added_at),
        updated_at: Some(row.updated_at),
        closed_at: row.closed_at,
        success: row.success,
        close_reason: row.close_reason.clone(),
        exit_code: row.exit_code,
        bytes_out: row.bytes_out,
        bytes_in: row.bytes_in,
        websocket_url: String::new(),
        extensions: Vec::new(),
    }
}

/// A session in the timeline of its work session.
pub(crate) fn timeline_item(row: &websh_session::Model) -> TimelineItem {
    let text =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Micros, true);
    TimelineItem {
        kind: "websh_session".to_owned(),
        timestamp: Some(text(row.added_at)),
        id: row.id.to_string(),
        server_id: Some(row.server_id.to_string()),
        username: Some(row.username.clone()),
        groupname: Some(row.groupname.clone()),
        client_type: Some(row.client_type.clone()),
        closed_at: row.closed_at.map(text),
        is_tunnel: Some(false),
        ..TimelineItem::default()
    }
}

/// Lines of a recording that a timeline shows.
const TIMELINE_LINES: u64 = 2000;

/// What a terminal showed, for the timeline of its work session; nothing, if nothing.
pub(crate) async fn recording_item(
    ctx: &Ctx,
    id: WebshSessionId,
) -> ApiResult<Option<TimelineItem>> {
    let lines = ctx.tenant().websh().transcript(id, TIMELINE_LINES).await?;
    let Some(first) = lines.first() else {
        return Ok(None);
    };
    let time = first.added_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let text: Vec<&str> = lines.iter().map(|line| line.record.as_str()).collect();
    Ok(Some(TimelineItem {
        kind: "websh_record".to_owned(),
        timestamp: Some(time),
        id: format!("{id}-record"),
        session_id: Some(id.to_string()),
        masked_record: Some(text.join("\n")),
        ..TimelineItem::default()
    }))
}
