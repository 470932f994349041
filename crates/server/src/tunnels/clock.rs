//! Ended authority ends tunnels. Hooks do it at once where they are; this finds the
//! rest within a second.

use std::collections::HashMap;
use std::time::Duration;

use protocol::id::{TokenId, WorkSessionId};
use protocol::work_session::Status;
use store::{Viewer, now};
use tokio::time::{MissedTickBehavior, interval};

use super::end::End;
use super::hub::{Bond, Live};
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
        let all = app.tunnels.all();
        if all.is_empty() {
            continue;
        }
        let workspaces = app.workspaces.all();
        // Many tunnels share few sessions: each is asked for once.
        let mut sessions = HashMap::new();
        for live in all {
            let workspace = workspaces.iter().find(|w| w.id == live.bond.workspace);
            match workspace {
                Some(workspace) => {
                    let ctx = PublicCtx::internal(app.clone(), workspace.clone());
                    check(&ctx, &live, &mut sessions).await;
                }
                None => live.end(End::AuthorityEnded),
            }
        }
    }
}

async fn check(ctx: &PublicCtx, live: &Live, sessions: &mut HashMap<WorkSessionId, bool>) {
    match holds(ctx, &live.bond, sessions).await {
        Ok(true) => {}
        Ok(false) => live.end(End::AuthorityEnded),
        // A database that is away for a moment ends nothing; what it would have said
        // is asked again at once.
        Err(error) => tracing::warn!(
            tunnel = %live.bond.id,
            detail = error.detail,
            "the authority of a tunnel could not be checked"
        ),
    }
}

/// Whether what allowed the tunnel still stands.
async fn holds(
    ctx: &PublicCtx,
    bond: &Bond,
    sessions: &mut HashMap<WorkSessionId, bool>,
) -> ApiResult<bool> {
    let footing = Footing {
        user: bond.user,
        token: bond.token,
        work_session: bond.work_session,
        server: Some(bond.server),
    };
    let locked = ctx.app.locks.on(ctx.workspace_id(), &footing).is_some();
    if locked || !ctx.workspace.is_enabled {
        return Ok(false);
    }
    if let Some(id) = bond.work_session {
        let is_active = match sessions.get(&id) {
            Some(known) => *known,
            None => {
                let is_active = session_is_active(ctx, id).await?;
                sessions.insert(id, is_active);
                is_active
            }
        };
        if !is_active {
            return Ok(false);
        }
    }
    let viewer = match bond.user {
        Some(id) => {
            let found = ctx.tenant().identity().users_by_id([id.0]).await?;
            match found.first() {
                Some(user) if !user.is_active => return Ok(false),
                Some(user) if user.is_superuser => Viewer::Everything,
                Some(_) => Viewer::Member(id),
                None => return Ok(false),
            }
        }
        None => Viewer::Everything,
    };
    if let Some(id) = bond.token
        && !token_is_valid(ctx, bond, id).await?
    {
        return Ok(false);
    }
    let server = ctx.tenant().fleet().find(viewer, bond.server).await?;
    Ok(server.is_some())
}

async fn session_is_active(ctx: &PublicCtx, id: WorkSessionId) -> ApiResult<bool> {
    let session = ctx.tenant().work_sessions().find(id).await?;
    Ok(session.is_some_and(|session| {
        session.status == Status::Active.as_str() && session.expires_at > now()
    }))
}

async fn token_is_valid(ctx: &PublicCtx, bond: &Bond, id: TokenId) -> ApiResult<bool> {
    let token = ctx.tenant().identity().token_by_id(id).await?;
    let is_valid = token.is_some_and(|token| {
        token.enabled && token.expires_at.is_none_or(|expires_at| expires_at > now())
    });
    if !is_valid {
        return Ok(false);
    }
    let acl = ctx.tenant().acl();
    Ok(acl.allows_server(id, bond.server).await?)
}
