//! Ended authority ends tunnels. Hooks do it at once where they are; this finds the
//! rest within a second.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use protocol::id::{ServerId, TokenId, WorkspaceId};
use store::{Viewer, now};
use tokio::time::{MissedTickBehavior, interval};

use super::end::End;
use crate::app::SharedApp;
use crate::http::{ApiResult, PublicCtx};
use crate::locks::Footing;

const TICK: Duration = Duration::from_millis(500);

/// Runs until the server drains.
pub(crate) async fn run(app: SharedApp) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Many tunnels rest on the same: each footing is asked about once.
        let mut standing = HashMap::new();
        for live in app.tunnels.all() {
            let bond = &live.bond;
            let footing = Footing {
                user: bond.user,
                token: bond.token,
                work_session: bond.work_session,
                server: Some(bond.server),
            };
            let stands = match standing.entry((bond.workspace, footing)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => {
                    *unknown.insert(stands(&app, bond.workspace, &footing).await)
                }
            };
            if !stands {
                live.end(End::AuthorityEnded);
            }
        }
    }
}

/// Whether what allowed a tunnel still stands. A database that is away for a moment
/// ends nothing; what it would have said is asked again at once.
pub(crate) async fn stands(app: &SharedApp, workspace: WorkspaceId, footing: &Footing) -> bool {
    let Some(workspace) = app.workspaces.by_id(workspace) else {
        return false;
    };
    let ctx = PublicCtx::internal(app.clone(), workspace);
    holds(&ctx, footing).await.unwrap_or_else(|error| {
        tracing::warn!(
            detail = error.detail,
            "the authority of tunnels could not be checked"
        );
        true
    })
}

async fn holds(ctx: &PublicCtx, footing: &Footing) -> ApiResult<bool> {
    let locked = ctx.app.locks.on(ctx.workspace_id(), footing).is_some();
    if locked || !ctx.workspace.is_enabled {
        return Ok(false);
    }
    if let Some(id) = footing.work_session {
        let session = ctx.tenant().work_sessions().find(id).await?;
        if !session.is_some_and(|session| session.is_active(now())) {
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
    let Some(server) = footing.server else {
        return Ok(false);
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
