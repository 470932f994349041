//! Creating, changing and deleting groups. A group grants its members sight of its
//! servers, so only staff say which servers those are, and only of servers that they
//! see themselves.

use http::StatusCode;
use protocol::iam::CreateGroup;
use protocol::id::{GroupId, ServerId, UserId};
use serde_json::{Map, Value, json};
use store::audit::AuditRecord;
use store::entity::{group, membership};
use store::identity::{EVERYONE, GroupChange, NewGroup};
use store::{StoreError, Unit};
use uuid::Uuid;

use super::membership::Role;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx, Document};

/// For refusals.
pub(super) const SOURCE: &str = "group";
/// Longest name; what hosts take.
const MAX_NAME: usize = 32;
/// Longest display name.
const MAX_DISPLAY_NAME: usize = 128;
/// Longest text.
const MAX_TEXT: usize = 1024;
/// Servers of one group in one request.
const MAX_SERVERS: usize = 10_000;

/// Creates a group; its creator owns it.
pub(super) async fn create(ctx: &Ctx, request: CreateGroup) -> ApiResult<group::Model> {
    ctx.principal.require_scope(SOURCE, "create")?;
    ctx.principal.require_staff()?;
    check_name(&request.name)?;
    check_text(
        SOURCE,
        "display_name",
        &request.display_name,
        MAX_DISPLAY_NAME,
    )?;
    check_text(SOURCE, "description", &request.description, MAX_TEXT)?;
    check_text(SOURCE, "tags", &request.tags, MAX_TEXT)?;
    let mut servers = request.servers;
    servers.sort_unstable();
    servers.dedup();
    let unit = ctx.begin().await?;
    require_visible(ctx, &unit, &servers).await?;
    let identity = unit.tenant().identity();
    let taken = || ApiError::conflict("There is a group of this name already; choose another one.");
    if identity.group_by_name(&request.name).await?.is_some() {
        return Err(taken());
    }
    let created = identity
        .create_group(NewGroup {
            display_name: match request.display_name.trim() {
                "" => request.name.clone(),
                given => given.to_owned(),
            },
            name: request.name,
            description: request.description,
            tags: request.tags,
            is_ldap_group: request.is_ldap_group,
        })
        .await
        .map_err(|error| match error {
            StoreError::Conflict(_) => taken(),
            other => other.into(),
        })?;
    let id = GroupId(created.id);
    identity.change_group_servers(id, &servers, &[]).await?;
    if let Some(user) = ctx.principal.user_id() {
        let owner = Role::Owner.as_str();
        identity.add_membership(id, user, owner).await?;
    }
    let data = json!({"name": created.name, "servers": servers});
    unit.audit(record(ctx, &created, "create", StatusCode::CREATED, data))
        .await?;
    unit.commit().await?;
    Ok(created)
}

/// What a document wants a group to be. Its name stays.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    change: GroupChange,
    added: Vec<ServerId>,
    removed: Vec<ServerId>,
}

/// Changes a group to what `document` says of it.
pub(super) async fn change(
    ctx: &Ctx,
    id: GroupId,
    document: &Map<String, Value>,
) -> ApiResult<group::Model> {
    ctx.principal.require_scope(SOURCE, "update")?;
    let unit = ctx.begin().await?;
    let row = find(&unit, id).await?;
    let wanted = wanted(ctx, &unit, &row, document).await?;
    if wanted == Wanted::default() {
        return Ok(row);
    }
    if wanted.added.is_empty() && wanted.removed.is_empty() {
        require_keeper(ctx, &unit, id).await?;
    } else {
        ctx.principal.require_staff()?;
    }
    let identity = unit.tenant().identity();
    identity
        .change_group_servers(id, &wanted.added, &wanted.removed)
        .await?;
    let data = json!({
        "display_name": wanted.change.display_name,
        "description": wanted.change.description,
        "tags": wanted.change.tags,
        "added_servers": wanted.added,
        "removed_servers": wanted.removed,
    });
    let blinded = match wanted.removed.is_empty() {
        true => Vec::new(),
        false => identity.members_of_groups([id.0]).await?,
    };
    let changed = identity.change_group(row, wanted.change).await?;
    unit.audit(record(ctx, &changed, "update", StatusCode::OK, data))
        .await?;
    unit.commit().await?;
    close_channels(ctx, &blinded);
    Ok(changed)
}

async fn wanted(
    ctx: &Ctx,
    unit: &Unit,
    row: &group::Model,
    document: &Map<String, Value>,
) -> ApiResult<Wanted> {
    let document = Document::new(document, SOURCE);
    let changed = |value: Option<String>, current: &str| value.filter(|value| value != current);
    let display_name = document
        .text("display_name", MAX_DISPLAY_NAME)?
        .filter(|name| !name.trim().is_empty());
    let change = GroupChange {
        display_name: changed(display_name, &row.display_name),
        description: changed(document.text("description", MAX_TEXT)?, &row.description),
        tags: changed(document.text("tags", MAX_TEXT)?, &row.tags),
    };
    let Some(servers) = document.ids("servers", MAX_SERVERS)? else {
        return Ok(Wanted {
            change,
            ..Wanted::default()
        });
    };
    let held = unit.tenant().identity().servers_of_groups([row.id]).await?;
    let held: Vec<Uuid> = held.into_iter().map(|row| row.server_id).collect();
    let seen = unit
        .tenant()
        .fleet()
        .find_all(ctx.principal.viewer(), held.iter().copied())
        .await?;
    let seen: Vec<Uuid> = seen.into_iter().map(|row| row.id).collect();
    let (added, removed) = difference(&servers, &held, &seen);
    require_visible(ctx, unit, &added).await?;
    Ok(Wanted {
        change,
        added,
        removed,
    })
}

/// What to add to and to remove from the servers `held`, of which the caller saw
/// only `seen`: what was not in the document they read is not missing from theirs.
fn difference(wanted: &[Uuid], held: &[Uuid], seen: &[Uuid]) -> (Vec<ServerId>, Vec<ServerId>) {
    let added = wanted.iter().filter(|id| !held.contains(id));
    let removed = seen.iter().filter(|id| !wanted.contains(id));
    (
        added.copied().map(ServerId).collect(),
        removed.copied().map(ServerId).collect(),
    )
}

async fn require_visible(ctx: &Ctx, unit: &Unit, servers: &[ServerId]) -> ApiResult<()> {
    if servers.len() > MAX_SERVERS {
        let detail = format!("servers has at most {MAX_SERVERS} ids.");
        return Err(ApiError::field(SOURCE, "servers", detail));
    }
    let visible = unit
        .tenant()
        .fleet()
        .find_all(ctx.principal.viewer(), servers.iter().map(|id| id.0))
        .await?;
    if visible.len() == servers.len() {
        return Ok(());
    }
    let detail = "One of the servers does not exist; see: alpacon server ls";
    Err(ApiError::field(SOURCE, "servers", detail))
}

/// Refuses who is neither staff nor an owner or manager of the group.
async fn require_keeper(ctx: &Ctx, unit: &Unit, id: GroupId) -> ApiResult<()> {
    if super::membership::rank(ctx, unit, id).await? >= Some(Role::Manager) {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "Only staff and the group's owners and managers may change it.",
    ))
}

/// Deletes a group; its members no longer see its servers through it.
pub(super) async fn delete(ctx: &Ctx, id: GroupId) -> ApiResult<()> {
    ctx.principal.require_scope(SOURCE, "delete")?;
    ctx.principal.require_staff()?;
    let unit = ctx.begin().await?;
    let row = find(&unit, id).await?;
    require_not_built_in(&row)?;
    let members = unit.tenant().identity().members_of_groups([id.0]).await?;
    unit.tenant().identity().delete_group(id).await?;
    let data = json!({"name": row.name});
    unit.audit(record(ctx, &row, "delete", StatusCode::NO_CONTENT, data))
        .await?;
    unit.commit().await?;
    close_channels(ctx, &members);
    Ok(())
}

/// Members see less from now on.
fn close_channels(ctx: &Ctx, members: &[membership::Model]) {
    for row in members {
        ctx.app.events.close_of_user(UserId(row.user_id));
    }
}

pub(super) async fn find(unit: &Unit, id: GroupId) -> ApiResult<group::Model> {
    unit.tenant()
        .identity()
        .group(id)
        .await?
        .ok_or_else(ApiError::not_found)
}

/// Refuses what would take somebody out of the group of everyone.
pub(super) fn require_not_built_in(row: &group::Model) -> ApiResult<()> {
    if row.name != EVERYONE {
        return Ok(());
    }
    Err(ApiError::forbidden(format!(
        "The group {EVERYONE} holds everyone: it and its memberships stay as they are."
    )))
}

fn check_name(name: &str) -> ApiResult<()> {
    if name.is_empty() {
        return Err(ApiError::missing(SOURCE, "name"));
    }
    let fits = name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if fits {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        "name",
        format!("A group name has 1 to {MAX_NAME} lower-case letters, digits, - and _."),
    ))
}

fn record(
    ctx: &Ctx,
    row: &group::Model,
    action: &'static str,
    status: StatusCode,
    data: Value,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "iam",
        model: "group",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} group {}", row.name),
        data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_hosts() {
        for name in ["ops", "web_01", "0-a"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "Ops", "web 01", "web.01", &"x".repeat(MAX_NAME + 1)] {
            assert_eq!(check_name(name).unwrap_err().field, Some("name"), "{name}");
        }
    }

    #[test]
    fn servers_that_the_caller_does_not_see_stay() {
        let [a, b, c, d] = [(); 4].map(|()| Uuid::now_v7());
        let (added, removed) = difference(&[b, d], &[a, b, c], &[b, c]);
        assert_eq!(added, [ServerId(d)]);
        assert_eq!(removed, [ServerId(c)]);
        assert_eq!(
            difference(&[a, b, c], &[a, b, c], &[b, c]),
            (vec![], vec![])
        );
    }
}
