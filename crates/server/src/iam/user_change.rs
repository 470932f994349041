//! Changing users. Clients send the whole document they read, so what they may not
//! change counts only where it differs from what is.

use http::StatusCode;
use protocol::id::UserId;
use serde_json::{Map, Value, json};
use store::entity::user;
use store::identity::UserChange;

use super::user::{self as service, MAX_EMAIL, MAX_NAME, MAX_TEXT, SOURCE};
use super::{authority, user_end, username};
use crate::http::{ApiError, ApiResult, Ctx, Document};

/// Highest number of an account on a host.
const MAX_UID: i64 = 2_147_483_647;

/// Changes a user to what `document` says of them.
pub(super) async fn change(
    ctx: &Ctx,
    id: UserId,
    document: &Map<String, Value>,
) -> ApiResult<user::Model> {
    ctx.principal.require_scope(SOURCE, "update")?;
    let unit = ctx.begin().await?;
    let row = service::find(&unit, id).await?;
    let wanted = without(read(document)?, &row);
    if wanted == UserChange::default() {
        return Ok(row);
    }
    check_authority(ctx, &row, &wanted)?;
    check_values(&wanted)?;
    if let Some(name) = &wanted.username {
        username::check(ctx, &unit, name).await?;
    }
    let deactivated = wanted.is_active == Some(false);
    if wanted.email.is_some() {
        // Nobody has proved to own the new address, and what went to the old one is void.
        let identity = unit.tenant().identity();
        identity.forget_person(id).await?;
        identity.delete_password_resets_of(id).await?;
    }
    let data = changes(&wanted);
    let changed = unit
        .tenant()
        .identity()
        .change_user(row.clone(), wanted)
        .await
        .map_err(username::in_use)?;
    if deactivated {
        user_end::credentials(&unit, id).await?;
    }
    let record = service::record(ctx, &changed, "update", StatusCode::OK, data);
    unit.audit(record).await?;
    let still = changed.is_superuser && changed.is_active;
    service::require_a_superuser_left(&unit, &row, still).await?;
    unit.commit().await?;
    if deactivated {
        user_end::work(ctx, id).await;
    } else if row.is_superuser && !changed.is_superuser {
        ctx.app.events.close_of_user(id);
    }
    Ok(changed)
}

fn read(document: &Map<String, Value>) -> ApiResult<UserChange> {
    let document = Document::new(document, SOURCE);
    Ok(UserChange {
        username: document.text("username", MAX_NAME)?,
        email: document.text("email", MAX_EMAIL)?,
        first_name: document.text("first_name", MAX_NAME)?,
        last_name: document.text("last_name", MAX_NAME)?,
        phone: document.text("phone", MAX_NAME)?,
        tags: document.text("tags", MAX_TEXT)?,
        description: document.text("description", MAX_TEXT)?,
        shell: document.text("shell", MAX_NAME)?,
        home_directory: document.text("home_directory", MAX_NAME)?,
        uid: document.number("uid", 0..=MAX_UID)?,
        is_active: document.flag("is_active")?,
        is_staff: document.flag("is_staff")?,
        is_superuser: document.flag("is_superuser")?,
    })
}

/// Leaves out what is so already. An account name stays once there is one: rules
/// and hosts know people by it.
fn without(wanted: UserChange, row: &user::Model) -> UserChange {
    fn changed<T: PartialEq>(wanted: Option<T>, current: &T) -> Option<T> {
        wanted.filter(|value| value != current)
    }
    UserChange {
        username: changed(wanted.username, &row.username).filter(|_| row.username.is_empty()),
        email: changed(wanted.email, &row.email),
        first_name: changed(wanted.first_name, &row.first_name),
        last_name: changed(wanted.last_name, &row.last_name),
        phone: changed(wanted.phone, &row.phone),
        tags: changed(wanted.tags, &row.tags),
        description: changed(wanted.description, &row.description),
        shell: changed(wanted.shell, &row.shell),
        home_directory: changed(wanted.home_directory, &row.home_directory),
        uid: changed(wanted.uid, &row.uid),
        is_active: changed(wanted.is_active, &row.is_active),
        is_staff: changed(wanted.is_staff, &row.is_staff),
        is_superuser: changed(wanted.is_superuser, &row.is_superuser),
    }
}

/// What a change needs of whoever makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Authority {
    /// The user themselves, or whoever manages them.
    Own,
    /// Whoever manages them.
    Manager,
    /// A superuser, logged in.
    Grantor,
}

fn needed(wanted: &UserChange) -> Authority {
    let grants = wanted.is_staff.is_some()
        || wanted.is_superuser.is_some()
        // Who has an account's name or number has what the account may do.
        || wanted.uid.is_some()
        || wanted.username.is_some();
    let manages = wanted.is_active.is_some()
        || wanted.email.is_some()
        || wanted.tags.is_some()
        || wanted.home_directory.is_some();
    match (grants, manages) {
        (true, _) => Authority::Grantor,
        (false, true) => Authority::Manager,
        (false, false) => Authority::Own,
    }
}

fn check_authority(ctx: &Ctx, row: &user::Model, wanted: &UserChange) -> ApiResult<()> {
    let is_self = ctx.principal.user_id() == Some(UserId(row.id));
    match needed(wanted) {
        Authority::Own if is_self => {}
        Authority::Own | Authority::Manager => authority::require_manager(ctx, row)?,
        Authority::Grantor => authority::require_grantor(ctx)?,
    }
    if is_self && wanted.is_active == Some(false) {
        return Err(ApiError::conflict(
            "You cannot deactivate your own account; ask another superuser.",
        ));
    }
    Ok(())
}

fn check_values(wanted: &UserChange) -> ApiResult<()> {
    if let Some(email) = &wanted.email {
        service::check_email(email)?;
    }
    for (field, path) in [
        ("shell", &wanted.shell),
        ("home_directory", &wanted.home_directory),
    ] {
        if let Some(path) = path {
            service::check_path(field, path)?;
        }
    }
    Ok(())
}

/// For the audit trail: the new values of what changed.
fn changes(wanted: &UserChange) -> Value {
    let mut data = json!({
        "username": wanted.username, "email": wanted.email,
        "first_name": wanted.first_name, "last_name": wanted.last_name,
        "phone": wanted.phone, "tags": wanted.tags, "description": wanted.description,
        "shell": wanted.shell, "home_directory": wanted.home_directory, "uid": wanted.uid,
        "is_active": wanted.is_active, "is_staff": wanted.is_staff,
        "is_superuser": wanted.is_superuser,
    });
    if let Some(members) = data.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jane() -> user::Model {
        user::Model {
            id: UserId::new().0,
            workspace_id: UserId::new().0,
            username: "jane".to_owned(),
            email: "jane@example.com".to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            phone: String::new(),
            tags: String::new(),
            description: String::new(),
            shell: "/bin/bash".to_owned(),
            home_directory: "/home/jane".to_owned(),
            uid: 10_000,
            password_hash: None,
            is_active: true,
            is_staff: false,
            is_superuser: false,
            is_ldap_user: false,
            date_joined: store::now(),
            must_change_password: false,
            password_changed_at: None,
        }
    }

    fn wanted(document: &Value) -> UserChange {
        without(read(document.as_object().unwrap()).unwrap(), &jane())
    }

    #[test]
    fn read_only_and_unknown_members_change_nothing() {
        let same = json!({
            "id": "x", "num_groups": 7, "date_joined": 1, "is_ldap_user": true,
            "password": "changed", "password_hash": "x", "unknown": {"a": []},
            "username": "root", "uid": 10_000, "is_superuser": false, "email": null,
        });
        assert_eq!(wanted(&same), UserChange::default());
    }

    #[test]
    fn each_member_needs_its_authority() {
        for (document, expected) in [
            (
                json!({"first_name": "J", "shell": "/bin/zsh"}),
                Authority::Own,
            ),
            (json!({"email": "x@example.com"}), Authority::Manager),
            (json!({"is_active": false}), Authority::Manager),
            (json!({"home_directory": "/root"}), Authority::Manager),
            (json!({"is_staff": true}), Authority::Grantor),
            (
                json!({"is_superuser": true, "first_name": "J"}),
                Authority::Grantor,
            ),
            (json!({"uid": 0}), Authority::Grantor),
        ] {
            assert_eq!(needed(&wanted(&document)), expected, "{document}");
        }
        let unnamed = user::Model {
            username: String::new(),
            ..jane()
        };
        let document = json!({"username": "jane"});
        let change = without(read(document.as_object().unwrap()).unwrap(), &unnamed);
        assert_eq!(needed(&change), Authority::Grantor);
    }

    #[test]
    fn what_can_change_has_its_type() {
        for document in [
            json!({"is_staff": "true"}),
            json!({"is_superuser": 1}),
            json!({"uid": -1}),
            json!({"uid": 1.5}),
            json!({"email": 7}),
            json!({"tags": ["a"]}),
        ] {
            let refusal = read(document.as_object().unwrap()).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{document}");
        }
        assert!(check_values(&wanted(&json!({"shell": "zsh"}))).is_err());
        assert!(check_values(&wanted(&json!({"email": "nobody"}))).is_err());
    }
}
