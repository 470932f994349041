//! Work sessions as callers see them, and which ones.

use protocol::id::WorkSessionId;
use protocol::work_session::WorkSession;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::entity::work_session;
use store::work_sessions::Rules;
use uuid::Uuid;

use super::review;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::Summaries;

/// A session the caller may see: assigned to or created by them; superusers, any.
pub(crate) async fn visible(ctx: &Ctx, id: WorkSessionId) -> ApiResult<work_session::Model> {
    let row = ctx
        .tenant()
        .work_sessions()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let me = ctx.principal.user_id().map(|id| id.0);
    let own = me.is_some() && (row.assigned_user == me || row.created_by == me);
    if own || ctx.principal.is_superuser() {
        Ok(row)
    } else {
        Err(ApiError::not_found())
    }
}

pub(super) async fn sessions(
    ctx: &Ctx,
    rows: &[work_session::Model],
) -> ApiResult<Vec<WorkSession>> {
    let mut users = Vec::new();
    let mut servers: Vec<Uuid> = Vec::new();
    for row in rows {
        users.extend(row.created_by);
        users.extend(row.assigned_user);
        servers.extend(read::<Vec<Uuid>>(&row.servers)?);
        servers.extend(taken_away(row));
    }
    let summaries = Summaries::read(ctx, users, servers).await?;
    rows.iter().map(|row| detail(row, &summaries)).collect()
}

pub(super) async fn session(ctx: &Ctx, row: &work_session::Model) -> ApiResult<WorkSession> {
    let rows = sessions(ctx, std::slice::from_ref(row)).await?;
    let mut session = rows.into_iter().next().ok_or_else(ApiError::not_found)?;
    let levels = (ctx.tenant().programs())
        .levels(WorkSessionId(row.id))
        .await?;
    let least = levels.into_iter().min();
    session.recommendations = review::recommendations(ctx, row).await?;
    session.enforcement = least.map(|level| level.as_str().to_owned());
    Ok(session)
}

fn detail(row: &work_session::Model, summaries: &Summaries) -> ApiResult<WorkSession> {
    let rules: Rules = read(&row.rules)?;
    let servers: Vec<Uuid> = read(&row.servers)?;
    Ok(WorkSession {
        id: WorkSessionId(row.id),
        title: row.title.clone(),
        description: row.description.clone(),
        status: row.status.clone(),
        requester_type: row.requester_type.clone(),
        scopes: read(&row.scopes)?,
        servers: servers.into_iter().map(|id| summaries.server(id)).collect(),
        created_by: summaries.user(row.created_by),
        assigned_user: summaries.user(row.assigned_user),
        approval_request_id: row.approval_request_id.map(|id| id.to_string()),
        starts_at: row.starts_at,
        expires_at: Some(row.expires_at),
        started_at: row.started_at,
        completed_at: row.completed_at,
        added_at: Some(row.added_at),
        updated_at: Some(row.updated_at),
        sudo_policies: Some(read(&row.sudo_policies)?),
        adjustments: row
            .adjustments
            .as_ref()
            .map(|change| named(change, summaries)),
        recommendations: None,
        allow_commands: rules.commands,
        allow_paths: rules.paths,
        allow_ports: rules.ports,
        hold_programs: rules.hold,
        status_detail: row.status_detail.clone(),
        enforcement: None,
    })
}

/// Servers that a reviewer took away.
fn taken_away(row: &work_session::Model) -> Vec<Uuid> {
    let old = row.adjustments.as_ref();
    let old = old.and_then(|change| change.pointer("/servers/old"));
    old.and_then(|old| serde_json::from_value(old.clone()).ok())
        .unwrap_or_default()
}

/// A reviewer's changes, servers by summary instead of id.
fn named(adjustments: &Value, summaries: &Summaries) -> Value {
    let mut adjustments = adjustments.clone();
    for when in ["old", "new"] {
        let list = adjustments.pointer_mut(&format!("/servers/{when}"));
        for server in list.and_then(Value::as_array_mut).into_iter().flatten() {
            let id = server.as_str().and_then(|id| id.parse().ok());
            if let Some(id) = id {
                *server = json!(summaries.server(id));
            }
        }
    }
    adjustments
}

/// A JSON column of a session.
pub(crate) fn read<T: DeserializeOwned>(value: &Value) -> ApiResult<T> {
    serde_json::from_value(value.clone())
        .map_err(|_| ApiError::internal("unreadable column of a work session"))
}
