//! Groups that a provider's claims name. Only groups of its map are touched, and only
//! memberships as a plain member: a claim makes nobody an owner, staff or a superuser.

use std::collections::{BTreeMap, BTreeSet};

use protocol::id::{GroupId, MembershipId, ProviderId, UserId};
use serde_json::json;
use store::Unit;
use store::audit::{Actor, AuditRecord};
use store::entity::{identity_provider, user};
use store::identity::EVERYONE;

use super::settings::read;
use crate::http::{ApiResult, PublicCtx};
use crate::oidc::Claims;

/// The role that claims give and take.
const MEMBER: &str = "member";
/// Values of a claim that are looked at.
const MAX_VALUES: usize = 1000;

/// Puts a new account into the groups for everybody who comes from a provider.
pub(super) async fn join_defaults(
    unit: &Unit,
    provider: &identity_provider::Model,
    user: UserId,
) -> ApiResult<()> {
    for name in read::<Vec<String>>(&provider.default_groups) {
        join(unit, &name, user).await?;
    }
    Ok(())
}

/// Brings the memberships in the map's groups in line with what the claim says now.
pub(super) async fn apply(
    ctx: &PublicCtx,
    unit: &Unit,
    provider: &identity_provider::Model,
    user: &user::Model,
    claims: &Claims,
) -> ApiResult<()> {
    let map: BTreeMap<String, String> = read(&provider.group_map);
    // A provider that says nothing of groups takes nobody out of one.
    if map.is_empty() || !claims.0.contains_key(&provider.group_claim) {
        return Ok(());
    }
    let values = claims.texts(&provider.group_claim);
    let (joins, leaves) = wanted(&map, &values);
    let id = UserId(user.id);
    let mut joined = Vec::new();
    let mut left = Vec::new();
    for name in joins {
        if join(unit, name, id).await? {
            joined.push(name);
        }
    }
    for name in leaves {
        if leave(unit, name, id).await? {
            left.push(name);
        }
    }
    if joined.is_empty() && left.is_empty() {
        return Ok(());
    }
    unit.audit(AuditRecord {
        actor: Actor::user(user),
        ip: ctx.ip.to_string(),
        app: "iam",
        model: "membership",
        object_id: Some(user.id),
        action: "update",
        status_code: 200,
        description: format!(
            "groups of {} as identity provider {} says",
            user.username, provider.slug
        ),
        data: json!({"provider": ProviderId(provider.id), "joined": joined, "left": left}),
    })
    .await?;
    Ok(())
}

/// The groups of a map that the values name, and the others.
fn wanted<'a>(
    map: &'a BTreeMap<String, String>,
    values: &[&str],
) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
    let values: BTreeSet<&str> = values.iter().take(MAX_VALUES).copied().collect();
    let all = map.values().map(String::as_str).collect::<BTreeSet<_>>();
    let named = map
        .iter()
        .filter(|(value, _)| values.contains(value.as_str()))
        .map(|(_, group)| group.as_str())
        .collect::<BTreeSet<_>>();
    let others = all.difference(&named).copied().collect();
    (named, others)
}

/// Says whether the user is in the group because of this.
async fn join(unit: &Unit, name: &str, user: UserId) -> ApiResult<bool> {
    let Some(group) = group(unit, name).await? else {
        return Ok(false);
    };
    let identity = unit.tenant().identity();
    if identity.membership_of(group, user).await?.is_some() {
        return Ok(false);
    }
    identity.add_membership(group, user, MEMBER).await?;
    Ok(true)
}

/// Says whether the user is out of the group because of this. Owners and managers were
/// made by people, and stay.
async fn leave(unit: &Unit, name: &str, user: UserId) -> ApiResult<bool> {
    let Some(group) = group(unit, name).await? else {
        return Ok(false);
    };
    let identity = unit.tenant().identity();
    let membership = identity.membership_of(group, user).await?;
    let Some(membership) = membership.filter(|it| it.role == MEMBER) else {
        return Ok(false);
    };
    identity
        .delete_membership(MembershipId(membership.id))
        .await?;
    Ok(true)
}

/// A group that people may be put into. One that is gone, or that holds everyone, is
/// passed over.
pub(super) async fn group(unit: &Unit, name: &str) -> ApiResult<Option<GroupId>> {
    if name == EVERYONE {
        return Ok(None);
    }
    let found = unit.tenant().identity().group_by_name(name).await?;
    Ok(found.map(|row| GroupId(row.id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_with_two_values_needs_one_of_them() {
        let map: BTreeMap<String, String> = [("a", "ops"), ("b", "ops"), ("c", "dev")]
            .map(|(value, group)| (value.to_owned(), group.to_owned()))
            .into();
        let (named, others) = wanted(&map, &["b", "superuser", "is_staff"]);
        assert_eq!(Vec::from_iter(named), ["ops"]);
        assert_eq!(Vec::from_iter(others), ["dev"]);
        let (named, others) = wanted(&map, &[]);
        assert!(named.is_empty());
        assert_eq!(others.len(), 2);
    }
}
