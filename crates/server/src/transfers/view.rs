//! Transfers as callers see them, and which ones.

use protocol::id::TransferId;
use protocol::transfer::{Direction, Download, Upload};
use serde_json::Value;
use store::entity::{server, transfer};

use super::order::{BULK, texts};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::server_summary;
use crate::objects::{Access, Linked};

/// One's own transfer; superusers see any.
pub(super) async fn own(
    ctx: &Ctx,
    id: TransferId,
    direction: Direction,
) -> ApiResult<transfer::Model> {
    let row = ctx.tenant().transfers().find(id).await?;
    let row = row
        .filter(|row| row.direction == direction.as_str())
        .ok_or_else(ApiError::not_found)?;
    if is_own(ctx, &row) || ctx.principal.is_superuser() {
        return Ok(row);
    }
    Err(ApiError::not_found())
}

/// Whether the caller asked for it.
pub(super) fn is_own(ctx: &Ctx, row: &transfer::Model) -> bool {
    match ctx.principal.user_id() {
        Some(user) => row.requested_by == Some(user.0),
        None => row.token_id.is_some() && row.token_id == ctx.principal.token().map(|id| id.0),
    }
}

/// A new upload, with the link for its content.
pub(super) async fn upload(
    ctx: &Ctx,
    row: &transfer::Model,
    server: &server::Model,
) -> ApiResult<Upload> {
    Ok(Upload {
        id: TransferId(row.transfer_id),
        name: row.name.clone(),
        path: texts(&row.paths)?.into_iter().next().unwrap_or_default(),
        size: row.size,
        server: server_summary(server, None),
        user: user_name(ctx),
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        expires_at: row.expires_at.to_rfc3339(),
        upload_url: Some(link(ctx, row, Access::Write).await?),
        command: command(row),
    })
}

/// A new download, with the link for its content.
pub(super) async fn download(
    ctx: &Ctx,
    row: &transfer::Model,
    server: &server::Model,
) -> ApiResult<Download> {
    let paths = texts(&row.paths)?;
    let path = match row.resource_type.as_str() {
        BULK => Value::from(paths),
        _ => Value::from(paths.into_iter().next().unwrap_or_default()),
    };
    Ok(Download {
        id: TransferId(row.transfer_id),
        name: row.name.clone(),
        path,
        size: row.size,
        server: server_summary(server, None),
        user: user_name(ctx),
        username: row.username.clone(),
        groupname: row.groupname.clone(),
        expires_at: row.expires_at.to_rfc3339(),
        download_url: Some(link(ctx, row, Access::Read).await?),
        command: command(row),
    })
}

async fn link(ctx: &Ctx, row: &transfer::Model, access: Access) -> ApiResult<String> {
    let to = Linked {
        workspace: ctx.workspace_id(),
        id: TransferId(row.transfer_id),
        access,
        expires: row.expires_at,
    };
    let linked = ctx.app.objects.link(&ctx.base_url, to).await;
    linked.map_err(ApiError::internal)
}

fn command(row: &transfer::Model) -> String {
    row.command_id.map(|id| id.to_string()).unwrap_or_default()
}

fn user_name(ctx: &Ctx) -> String {
    ctx.principal.actor().name
}
