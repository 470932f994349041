//! Groups as callers see them.

use std::collections::HashMap;

use protocol::iam::Group;
use protocol::id::GroupId;
use protocol::server::ServerSummary;
use store::entity::group;
use uuid::Uuid;

use crate::http::{ApiResult, Ctx};
use crate::identity::summary::Summaries;

/// A group as the caller sees it.
pub(super) async fn group(ctx: &Ctx, row: &group::Model) -> ApiResult<Group> {
    let mut groups = groups(ctx, std::slice::from_ref(row)).await?;
    Ok(groups.pop().unwrap_or_default())
}

/// Groups as the caller sees them: with the servers that the caller sees.
pub(super) async fn groups(ctx: &Ctx, rows: &[group::Model]) -> ApiResult<Vec<Group>> {
    let ids = || rows.iter().map(|row| row.id);
    let tenant = ctx.tenant();
    let members = tenant.identity().members_of_groups(ids()).await?;
    let held = tenant.identity().servers_of_groups(ids()).await?;
    let mut servers: Vec<Uuid> = held.iter().map(|row| row.server_id).collect();
    servers.sort_unstable();
    servers.dedup();
    let visible = tenant
        .fleet()
        .find_all(ctx.principal.viewer(), servers)
        .await?;
    let summaries = Summaries::read(
        ctx,
        members.iter().map(|row| row.user_id),
        visible.iter().map(|row| row.id),
    )
    .await?;

    let mut names: HashMap<Uuid, Vec<String>> = HashMap::new();
    for row in members {
        let name = summaries.user(Some(row.user_id)).unwrap_or_default().name;
        names.entry(row.group_id).or_default().push(name);
    }
    let mut of_group: HashMap<Uuid, Vec<ServerSummary>> = HashMap::new();
    for row in held {
        if visible.iter().any(|server| server.id == row.server_id) {
            let server = summaries.server(row.server_id);
            of_group.entry(row.group_id).or_default().push(server);
        }
    }
    Ok(rows
        .iter()
        .map(|row| {
            let members_names = names.remove(&row.id).unwrap_or_default();
            Group {
                id: GroupId(row.id),
                name: row.name.clone(),
                display_name: row.display_name.clone(),
                description: row.description.clone(),
                tags: row.tags.clone(),
                num_members: members_names.len() as u64,
                members_names,
                gid: row.gid,
                is_ldap_group: row.is_ldap_group,
                servers: of_group.remove(&row.id).unwrap_or_default(),
                added_at: Some(row.added_at),
                updated_at: Some(row.updated_at),
            }
        })
        .collect())
}
