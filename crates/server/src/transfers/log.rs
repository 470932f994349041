//! The transfer log (`rest-operations.md` §11).

use protocol::CursorPage;
use protocol::id::TransferId;
use protocol::transfer::TransferLog;
use store::entity::transfer;
use store::transfers::TransferFilter;

use super::order::texts;
use crate::http::{ApiError, ApiResult, Ctx, CursorParams};
use crate::identity::summary::Summaries;

/// The log, newest first: one's own; for staff, all of the servers they see.
pub(super) async fn list(
    ctx: &Ctx,
    mut filter: TransferFilter,
    cursor: &CursorParams,
) -> ApiResult<CursorPage<TransferLog>> {
    let (before, size) = cursor.position()?;
    let viewer = ctx.principal.viewer();
    if let Some(server) = filter.server
        && ctx.tenant().fleet().find(viewer, server).await?.is_none()
    {
        return Err(ApiError::not_found());
    }
    let mut servers = None;
    if !ctx.principal.is_staff() {
        match ctx.principal.user_id() {
            Some(own) if filter.requested_by.is_none_or(|other| other == own) => {
                filter.requested_by = Some(own);
            }
            Some(_) => {
                return Ok(CursorPage {
                    next: None,
                    results: Vec::new(),
                });
            }
            None => filter.token = ctx.principal.token(),
        }
    } else if !ctx.principal.is_superuser() {
        servers = Some(ctx.tenant().fleet().visible_ids(viewer).await?);
    }
    // One more row than asked for tells whether there is a next page.
    let mut rows = ctx
        .tenant()
        .transfers()
        .log(&filter, servers, before, size + 1)
        .await?;
    let more = rows.len() as u64 > size;
    rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let summaries = Summaries::read(
        ctx,
        rows.iter().filter_map(|row| row.requested_by),
        rows.iter().map(|row| row.server_id),
    )
    .await?;
    let results = rows
        .into_iter()
        .map(|row| view(row, &summaries))
        .collect::<ApiResult<_>>()?;
    Ok(CursorPage { next, results })
}

fn view(row: transfer::Model, summaries: &Summaries) -> ApiResult<TransferLog> {
    let user = summaries.user(row.requested_by);
    let typed = texts(&row.paths)?.join(", ");
    Ok(TransferLog {
        id: TransferId(row.transfer_id),
        added_at: Some(row.added_at),
        file_name: row.name,
        action: row.direction,
        size: row.size,
        success: row.success,
        user: user.map(|user| user.name).unwrap_or_default(),
        server: summaries.server(row.server_id).name,
        remote_ip: row.remote_ip,
        message: row.message,
        path: row.final_path.unwrap_or(typed),
        username: row.username,
        sha256: row.sha256,
    })
}
