//! Who is in which group. Nobody promotes themselves: a caller gives and takes roles
//! up to the rank they have in the group already.

use http::StatusCode;
use protocol::code;
use protocol::iam::{CreateMembership, Membership};
use protocol::id::{GroupId, MembershipId, UserId};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::{group, membership};
use store::{StoreError, Unit};

use super::group as groups;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::Summaries;

/// For refusals.
pub(super) const SOURCE: &str = "membership";

/// What a member may do in a group, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Sees its servers.
    Member,
    /// Also takes in and removes members and managers.
    Manager,
    /// Also owners.
    Owner,
}

impl Role {
    const ALL: [Self; 3] = [Self::Member, Self::Manager, Self::Owner];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// A role in any case.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text.trim()))
    }
}

/// The rank of the caller in a group: superusers rank as owners of every group, staff
/// as managers, others as what they are in it.
pub(super) async fn rank(ctx: &Ctx, unit: &Unit, group: GroupId) -> ApiResult<Option<Role>> {
    let principal = &ctx.principal;
    if principal.is_superuser() {
        return Ok(Some(Role::Owner));
    }
    let Some(user) = principal.user_id() else {
        return Ok(None);
    };
    let own = unit.tenant().identity().membership_of(group, user).await?;
    let own = own.and_then(|row| Role::parse(&row.role));
    let staff = principal.is_staff().then_some(Role::Manager);
    Ok(own.max(staff))
}

/// Refuses who ranks too low to give or take `role`.
fn check_rank(rank: Option<Role>, role: Role) -> ApiResult<()> {
    if rank < Some(Role::Manager) {
        return Err(ApiError::forbidden(
            "Only staff and the group's owners and managers may change its memberships.",
        ));
    }
    if rank < Some(role) {
        return Err(ApiError::forbidden(
            "Only the group's owners and superusers may make or remove owners.",
        ));
    }
    Ok(())
}

/// Makes a user a member.
pub(super) async fn create(ctx: &Ctx, request: &CreateMembership) -> ApiResult<Membership> {
    ctx.principal.require_scope(SOURCE, "create")?;
    let role = match request.role.trim() {
        "" => Role::Member,
        given => Role::parse(given).ok_or_else(|| {
            let detail = "role must be one of: owner, manager, member.";
            let mut refusal = ApiError::field(SOURCE, "role", detail);
            refusal.code = Some(code::INVALID_CHOICE);
            refusal
        })?,
    };
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    let group = identity.group(request.group).await?.ok_or_else(|| {
        ApiError::field(
            SOURCE,
            "group",
            "There is no such group; see: alpacon group ls",
        )
    })?;
    groups::require_not_built_in(&group)?;
    check_rank(rank(ctx, &unit, request.group).await?, role)?;
    let user = identity.user(request.user).await?.ok_or_else(|| {
        ApiError::field(
            SOURCE,
            "user",
            "There is no such user; see: alpacon user ls",
        )
    })?;
    let row = identity
        .add_membership(request.group, request.user, role.as_str())
        .await
        .map_err(|error| match error {
            StoreError::Conflict(_) => ApiError::conflict(format!(
                "{} is in this group already; remove them first to give another role.",
                user.username
            )),
            other => other.into(),
        })?;
    let description = format!("{} joined {} as {}", user.username, group.name, row.role);
    unit.audit(record(
        ctx,
        &row,
        "create",
        StatusCode::CREATED,
        description,
    ))
    .await?;
    unit.commit().await?;
    let summaries = Summaries::read(ctx, [row.user_id], []).await?;
    Ok(view(&row, group, &summaries))
}

/// Ends a membership. Everybody may leave a group.
pub(super) async fn delete(ctx: &Ctx, id: MembershipId) -> ApiResult<()> {
    ctx.principal.require_scope(SOURCE, "delete")?;
    let unit = ctx.begin().await?;
    let identity = unit.tenant().identity();
    let row = identity
        .membership(id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let group = groups::find(&unit, GroupId(row.group_id)).await?;
    groups::require_not_built_in(&group)?;
    if ctx.principal.user_id() != Some(UserId(row.user_id)) {
        // What is stored and not known ranks highest.
        let role = Role::parse(&row.role).unwrap_or(Role::Owner);
        check_rank(rank(ctx, &unit, GroupId(group.id)).await?, role)?;
    }
    identity.delete_membership(id).await?;
    let description = format!("a {} left {}", row.role, group.name);
    unit.audit(record(
        ctx,
        &row,
        "delete",
        StatusCode::NO_CONTENT,
        description,
    ))
    .await?;
    unit.commit().await?;
    ctx.app.events.close_of_user(UserId(row.user_id));
    Ok(())
}

fn record(
    ctx: &Ctx,
    row: &membership::Model,
    action: &'static str,
    status: StatusCode,
    description: String,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "iam",
        model: "membership",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description,
        data: json!({"group": row.group_id, "user": row.user_id, "role": row.role}),
    }
}

/// A membership as callers see it.
pub(super) fn view(
    row: &membership::Model,
    group: group::Model,
    summaries: &Summaries,
) -> Membership {
    Membership {
        id: MembershipId(row.id),
        group: GroupId(row.group_id),
        group_name: group.name,
        user: summaries.user(Some(row.user_id)).unwrap_or_default(),
        role: row.role.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_in_any_case() {
        assert_eq!(Role::parse("Owner"), Some(Role::Owner));
        assert_eq!(Role::parse(" MANAGER "), Some(Role::Manager));
        assert_eq!(Role::parse("member"), Some(Role::Member));
        assert_eq!(Role::parse("root"), None);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }

    #[test]
    fn nobody_gives_or_takes_more_than_they_have() {
        use Role::{Manager, Member, Owner};
        let may = |rank, role| check_rank(rank, role).is_ok();
        for role in Role::ALL {
            assert!(!may(None, role), "{role:?}");
            assert!(!may(Some(Member), role), "{role:?}");
            assert!(may(Some(Owner), role), "{role:?}");
        }
        assert!(may(Some(Manager), Member));
        assert!(may(Some(Manager), Manager));
        assert!(!may(Some(Manager), Owner));
    }
}
