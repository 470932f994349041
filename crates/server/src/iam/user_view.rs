//! Users as callers see them.

use protocol::auth::User;
use protocol::id::UserId;
use store::entity::user;

use crate::http::{ApiResult, PublicCtx};

/// A user as callers see them.
pub(crate) async fn user(ctx: &PublicCtx, row: &user::Model) -> ApiResult<User> {
    let mut users = users(ctx, std::slice::from_ref(row)).await?;
    Ok(users.pop().unwrap_or_default())
}

/// Users as callers see them.
pub(super) async fn users(ctx: &PublicCtx, rows: &[user::Model]) -> ApiResult<Vec<User>> {
    let groups = ctx
        .tenant()
        .identity()
        .group_counts(rows.iter().map(|row| row.id))
        .await?;
    Ok(rows
        .iter()
        .map(|row| account(row, groups.get(&row.id).copied().unwrap_or_default()))
        .collect())
}

fn account(user: &user::Model, num_groups: u64) -> User {
    User {
        id: UserId(user.id),
        username: user.username.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        tags: user.tags.clone(),
        description: user.description.clone(),
        num_groups,
        uid: user.uid,
        shell: user.shell.clone(),
        home_directory: user.home_directory.clone(),
        is_active: user.is_active,
        is_staff: user.is_staff,
        is_superuser: user.is_superuser,
        is_ldap_user: user.is_ldap_user,
        date_joined: Some(user.date_joined),
    }
}
