//! Whether what allowed something still stands: asked again while it goes on.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use protocol::id::{ServerId, TokenId, WorkspaceId};
use store::{Viewer, now};

use super::Operation;
use crate::app::SharedApp;
use crate::http::{ApiResult, PublicCtx};
use crate::locks::Footing;

/// What was asked in one round: much rests on the same, and each is asked about once.
#[derive(Default)]
pub(crate) struct Standing(HashMap<(WorkspaceId, Operation, Footing), bool>);

impl Standing {
    /// Whether `footing` stands for `operation`. A database that is away for a moment ends nothing;
    /// what it would have said is asked again in the next round.
    pub(crate) async fn of(
        &mut self,
        app: &SharedApp,
        workspace: WorkspaceId,
        operation: Operation,
        footing: Footing,
    ) -> bool {
        match self.0.entry((workspace, operation, footing)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => {
                let stands = stands(app, workspace, operation, &footing).await;
                *unknown.insert(stands)
            }
        }
    }
}

async fn stands(
    app: &SharedApp,
    workspace: WorkspaceId,
    operation: Operation,
    footing: &Footing,
) -> bool {
    let Some(workspace) = app.workspaces.by_id(workspace) else {
        return false;
    };
    let ctx = PublicCtx::internal(app.clone(), workspace);
    let holds = still_holds(&ctx, operation, footing).await;
    holds.unwrap_or_else(|error| {
        tracing::warn!(detail = error.detail, "an authority could not be checked");
        true
    })
}

/// Whether nothing of `footing` is locked, ended, disabled or gone, and its session
/// still reaches the server and holds the scope of `operation`.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn still_holds(
    ctx: &PublicCtx,
    operation: Operation,
    footing: &Footing,
) -> ApiResult<bool> {
    let locked = ctx.app.locks.on(ctx.workspace_id(), footing).is_some();
    if locked || !ctx.workspace.is_enabled {
        return Ok(false);
    }
    let Some(server) = footing.server else {
        return Ok(false);
    };
    if let Some(id) = footing.work_session {
        let session = ctx.tenant().work_sessions().find(id).await?;
        let allows = session.is_some_and(|session| {
            session.is_active(now())
                && session.includes_server(server.0)
                && session.holds_scope(operation.scope())
        });
        if !allows {
            return Ok(false);
        }
    }
    let viewer = match footing.user {
        Some(id) => match ctx.tenant().identity().user(id).await? {
            Some(user) if !user.is_active => return Ok(false),
            Some(user) if user.is_superuser => Viewer::Everything,
            Some(_) => Viewer::Member(id),
            None => return Ok(false),
        },
        None => Viewer::Everything,
    };
    if let Some(id) = footing.token
        && !token_is_valid(ctx, id, server).await?
    {
        return Ok(false);
    }
    let server = ctx.tenant().fleet().find(viewer, server).await?;
    Ok(server.is_some())
}

async fn token_is_valid(ctx: &PublicCtx, id: TokenId, server: ServerId) -> ApiResult<bool> {
    let standing = ctx.tenant().applications().standing_tokens([id.0]).await?;
    let is_valid = |end: &Option<_>| end.is_none_or(|end| end > now());
    if !standing.get(&id.0).is_some_and(is_valid) {
        return Ok(false);
    }
    Ok(ctx.tenant().acl().allows_server(id, server).await?)
}
