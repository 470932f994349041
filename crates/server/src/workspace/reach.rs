//! Which workspaces a person reaches, and who they are in each (`rest-identity.md` §10).

use protocol::id::{UserId, WorkspaceId};
use serde::Serialize;
use store::StoreError;

use super::address::region;
use crate::app::App;
use crate::http::PublicCtx;

/// A workspace as access tokens name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Reached {
    pub(crate) schema_name: String,
    /// Label of its address; empty where that has none.
    pub(crate) region: String,
    pub(crate) auth0_id: String,
    /// Ours: its whole address, where the configuration says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

/// The workspaces that a user reaches with one login, by name; their own is among them.
/// Others are those where the same person, known by a mail address they proved to own, is
/// an active user.
pub(crate) async fn reached_by(
    app: &App,
    workspace: WorkspaceId,
    user: UserId,
) -> Result<Vec<Reached>, StoreError> {
    let rows = app.store.workspaces_of(workspace, user).await?;
    let known = app.workspaces.all();
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let found = known.iter().find(|w| w.id.0 == row.workspace.id)?;
            let is_open = found.id == workspace || found.settings.accept_other_workspaces;
            is_open.then(|| Reached {
                schema_name: found.name.clone(),
                region: region(&found.name, &found.host).to_owned(),
                auth0_id: found.id.to_string(),
                url: found.public_url(&app.config),
            })
        })
        .collect())
}

/// Who a user of the workspace `issued_in` is in the workspace of `ctx`: themselves where
/// that is the same one, else the same person's user there, if the workspace accepts
/// logins of others. None: nobody; they have to log in.
pub(crate) async fn user_here(
    ctx: &PublicCtx,
    issued_in: WorkspaceId,
    user: UserId,
) -> Result<Option<UserId>, StoreError> {
    if issued_in == ctx.workspace_id() {
        return Ok(Some(user));
    }
    if !ctx.workspace.settings.accept_other_workspaces {
        return Ok(None);
    }
    let rows = ctx.app.store.workspaces_of(issued_in, user).await?;
    // Whoever was locked or deactivated where they logged in is not among them there, and
    // gets in nowhere.
    let is_active_there = rows.iter().any(|row| row.user == user);
    let locked = ctx
        .app
        .locks
        .find(store::locks::LockKind::User, user.0)
        .is_some();
    if !is_active_there || locked {
        return Ok(None);
    }
    Ok(rows
        .into_iter()
        .find(|row| row.workspace.id == ctx.workspace_id().0)
        .map(|row| row.user))
}
