//! Creating and deleting users.

use http::StatusCode;
use protocol::iam::CreateUser;
use protocol::id::UserId;
use serde_json::{Value, json};
use store::Unit;
use store::audit::AuditRecord;
use store::entity::user;
use store::identity::NewUser;

use super::{authority, password, user_end, username};
use crate::crypto;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx};

/// For refusals.
pub(super) const SOURCE: &str = "user";
pub(crate) const DEFAULT_SHELL: &str = "/bin/bash";
/// Longest name or phone number, characters.
pub(super) const MAX_NAME: usize = 150;
/// Longest mail address.
pub(super) const MAX_EMAIL: usize = 254;
/// Longest text.
pub(super) const MAX_TEXT: usize = 1024;
/// Longest path.
const MAX_PATH: usize = 255;

/// Creates a user, who can log in from now on.
pub(super) async fn create(ctx: &Ctx, request: CreateUser) -> ApiResult<user::Model> {
    ctx.principal.require_scope(SOURCE, "create")?;
    ctx.principal.require_staff()?;
    if request.is_staff || request.is_superuser {
        authority::require_grantor(ctx)?;
    }
    check_request(&request)?;
    // Hashed before the unit begins: it takes longer than everything else.
    let password_hash = match request.password.is_empty() {
        true => None,
        false => Some(
            crypto::password::hash(request.password.clone())
                .await
                .map_err(ApiError::internal)?,
        ),
    };
    let unit = ctx.begin().await?;
    username::check(ctx, &unit, &request.username).await?;
    let created = unit
        .tenant()
        .identity()
        .create_user(NewUser {
            home_directory: format!("/home/{}", request.username),
            username: request.username,
            email: request.email,
            first_name: request.first_name,
            last_name: request.last_name,
            phone: request.phone,
            tags: request.tags,
            description: request.description,
            password_hash,
            shell: match request.shell.is_empty() {
                true => DEFAULT_SHELL.to_owned(),
                false => request.shell,
            },
            uid: None,
            is_staff: request.is_staff,
            is_superuser: request.is_superuser,
            is_ldap_user: request.is_ldap_user,
        })
        .await
        .map_err(username::in_use)?;
    let data = json!({
        "email": created.email,
        "is_staff": created.is_staff,
        "is_superuser": created.is_superuser,
        "is_ldap_user": created.is_ldap_user,
    });
    unit.audit(record(ctx, &created, "create", StatusCode::CREATED, data))
        .await?;
    unit.commit().await?;
    Ok(created)
}

fn check_request(request: &CreateUser) -> ApiResult<()> {
    if request.username.is_empty() {
        return Err(ApiError::missing(SOURCE, "username"));
    }
    for (name, text, max) in [
        ("first_name", &request.first_name, MAX_NAME),
        ("last_name", &request.last_name, MAX_NAME),
        ("phone", &request.phone, MAX_NAME),
        ("email", &request.email, MAX_EMAIL),
        ("tags", &request.tags, MAX_TEXT),
        ("description", &request.description, MAX_TEXT),
    ] {
        check_text(SOURCE, name, text, max)?;
    }
    check_email(&request.email)?;
    if !request.shell.is_empty() {
        check_path("shell", &request.shell)?;
    }
    if request.password.is_empty() {
        if request.is_ldap_user {
            return Ok(());
        }
        return Err(ApiError::missing(SOURCE, "password"));
    }
    let mailbox = request.email.split('@').next().unwrap_or_default();
    password::check(&request.password, &[&request.username, mailbox])
        .map_err(|weak| ApiError::field(SOURCE, "password", weak.to_string()))
}

/// Refuses what cannot be a mail address; the empty one is none.
pub(crate) fn check_email(email: &str) -> ApiResult<()> {
    let fits = email.is_empty()
        || email.split_once('@').is_some_and(|(mailbox, domain)| {
            !mailbox.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && !email.contains(char::is_whitespace)
        });
    if fits {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        "email",
        "email must be a mail address.",
    ))
}

/// Refuses what is not a plain absolute path: it ends up in account files of hosts.
pub(super) fn check_path(field: &'static str, path: &str) -> ApiResult<()> {
    let fits = path.starts_with('/')
        && path.len() <= MAX_PATH
        && path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b'+'));
    if fits {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        field,
        format!("{field} must be an absolute path of letters, digits and /._-+."),
    ))
}

/// Deletes a user. What they did stays on record; whatever acts for them ends.
pub(super) async fn delete(ctx: &Ctx, id: UserId) -> ApiResult<()> {
    ctx.principal.require_scope(SOURCE, "delete")?;
    let unit = ctx.begin().await?;
    let row = find(&unit, id).await?;
    authority::require_manager(ctx, &row)?;
    if ctx.principal.user_id() == Some(id) {
        return Err(ApiError::conflict(
            "You cannot delete your own account; ask another superuser.",
        ));
    }
    user_end::credentials(&unit, id).await?;
    unit.tenant().identity().delete_user(id).await?;
    let data = json!({"username": row.username});
    unit.audit(record(ctx, &row, "delete", StatusCode::NO_CONTENT, data))
        .await?;
    require_a_superuser_left(&unit, &row, false).await?;
    unit.commit().await?;
    user_end::work(ctx, id).await;
    Ok(())
}

pub(super) async fn find(unit: &Unit, id: UserId) -> ApiResult<user::Model> {
    unit.tenant()
        .identity()
        .user(id)
        .await?
        .ok_or_else(ApiError::not_found)
}

/// Refuses to take the last active superuser away. Asked after the audit record is
/// written: appending queues up, so of two who take each other away at once the
/// second one sees what the first one did.
pub(super) async fn require_a_superuser_left(
    unit: &Unit,
    before: &user::Model,
    still: bool,
) -> ApiResult<()> {
    let was = before.is_superuser && before.is_active;
    if !was || still {
        return Ok(());
    }
    let others = unit
        .tenant()
        .identity()
        .count_other_superusers(UserId(before.id))
        .await?;
    if others > 0 {
        return Ok(());
    }
    Err(ApiError::conflict(
        "This is the last active superuser; make another user one first.",
    ))
}

pub(super) fn record(
    ctx: &Ctx,
    row: &user::Model,
    action: &'static str,
    status: StatusCode,
    data: Value,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "iam",
        model: "user",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} user {}", row.username),
        data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> CreateUser {
        CreateUser {
            username: "jane".to_owned(),
            password: "k3J-9wq_Zt.p".to_owned(),
            email: "jane@example.com".to_owned(),
            ..CreateUser::default()
        }
    }

    fn refused(change: impl FnOnce(&mut CreateUser)) -> Option<&'static str> {
        let mut request = request();
        change(&mut request);
        check_request(&request)
            .err()
            .and_then(|refusal| refusal.field)
    }

    #[test]
    fn a_request_is_refused_by_its_member() {
        assert_eq!(check_request(&request()), Ok(()));
        assert_eq!(refused(|r| r.username.clear()), Some("username"));
        assert_eq!(refused(|r| r.password.clear()), Some("password"));
        assert_eq!(refused(|r| r.password = "short".into()), Some("password"));
        let own_name = "my-jane-and-more".to_owned();
        assert_eq!(refused(|r| r.password = own_name), Some("password"));
        assert_eq!(refused(|r| r.email = "jane".into()), Some("email"));
        assert_eq!(refused(|r| r.phone = "\u{7}".into()), Some("phone"));
        assert_eq!(refused(|r| r.shell = "bash".into()), Some("shell"));
        let many = "x".repeat(MAX_TEXT + 1);
        assert_eq!(refused(|r| r.tags = many), Some("tags"));
    }

    #[test]
    fn a_directory_keeps_the_passwords_of_its_users() {
        let refused = refused(|r| {
            r.is_ldap_user = true;
            r.password.clear();
        });
        assert_eq!(refused, None);
    }

    #[test]
    fn paths_fit_into_account_files() {
        for path in ["/bin/bash", "/home/jane.doe", "/opt/g++/x_y-z"] {
            assert_eq!(check_path("shell", path), Ok(()), "{path}");
        }
        for path in ["", "bash", "/bin/ba sh", "/bin/sh:x", "/bin/sh\n", "/é"] {
            assert!(check_path("shell", path).is_err(), "{path:?}");
        }
    }
}
