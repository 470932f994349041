//! Locks as callers see them.

use protocol::id::{LockId, ServerId, TokenId, UserId, WorkSessionId};
use protocol::lock::Lock;
use store::Viewer;
use store::entity::lock;
use store::locks::LockKind;

use crate::http::{ApiResult, Ctx};
use crate::identity::summary::Summaries;

pub(super) async fn locks(ctx: &Ctx, rows: Vec<lock::Model>) -> ApiResult<Vec<Lock>> {
    let users = rows.iter().filter_map(|row| row.locked_by);
    let summaries = Summaries::read(ctx, users, []).await?;
    let mut locks = Vec::with_capacity(rows.len());
    for row in rows {
        locks.push(Lock {
            id: LockId(row.id),
            name: name(ctx, &row).await?.unwrap_or_default(),
            kind: row.kind,
            object: row.object_id,
            reason: row.reason,
            locked_by: summaries.user(row.locked_by),
            added_at: Some(row.added_at),
        });
    }
    Ok(locks)
}

/// The name of what is locked, while it exists. Locks are few.
async fn name(ctx: &Ctx, row: &lock::Model) -> ApiResult<Option<String>> {
    let id = row.object_id;
    let tenant = ctx.tenant();
    Ok(match LockKind::parse(&row.kind) {
        Some(LockKind::User) => tenant
            .identity()
            .user(UserId(id))
            .await?
            .map(|user| user.username),
        Some(LockKind::Token) => tenant
            .identity()
            .token_by_id(TokenId(id))
            .await?
            .map(|token| token.name),
        Some(LockKind::WorkSession) => tenant
            .work_sessions()
            .find(WorkSessionId(id))
            .await?
            .map(|session| session.title),
        Some(LockKind::Server) => tenant
            .fleet()
            .find(Viewer::Everything, ServerId(id))
            .await?
            .map(|server| server.name),
        Some(LockKind::Workspace) => Some(ctx.workspace.name.clone()),
        None => None,
    })
}
