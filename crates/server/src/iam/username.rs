//! System account names: what they are like, and choosing one's own
//! (`rest-identity.md` §14).

use http::StatusCode;
use protocol::code;
use protocol::iam::UsernameSet;
use protocol::id::UserId;
use serde_json::json;
use store::audit::AuditRecord;
use store::{StoreError, Unit};

use super::user::SOURCE;
use crate::http::{ApiError, ApiResult, Ctx};

/// Longest name; what hosts take.
const MAX: usize = 32;

/// Names that belong to systems, sorted. Whoever had one on a host would have what
/// the system's account has.
const RESERVED: [&str; 64] = [
    "_apt",
    "_chrony",
    "adm",
    "admin",
    "administrator",
    "alpacon",
    "alpamon",
    "apache",
    "avahi",
    "backup",
    "bin",
    "cassandra",
    "centos",
    "chrony",
    "clamav",
    "cloud-user",
    "consul",
    "daemon",
    "dbus",
    "debian",
    "docker",
    "ec2-user",
    "elasticsearch",
    "fedora",
    "ftp",
    "games",
    "git",
    "gnats",
    "grafana",
    "halt",
    "haproxy",
    "irc",
    "jenkins",
    "kafka",
    "kube",
    "landscape",
    "ldap",
    "list",
    "lp",
    "mail",
    "man",
    "messagebus",
    "mongodb",
    "mysql",
    "named",
    "news",
    "nginx",
    "nobody",
    "ntp",
    "polkitd",
    "postfix",
    "postgres",
    "proxy",
    "redis",
    "root",
    "shutdown",
    "sshd",
    "sync",
    "sys",
    "syslog",
    "ubuntu",
    "uucp",
    "wheel",
    "www-data",
];
/// Beginnings of names that belong to systems.
const RESERVED_BEGINNINGS: [&str; 3] = ["systemd-", "alpacon-", "alpamon-"];

/// Chooses the caller's account name, once and for all.
pub(super) async fn choose(ctx: &Ctx, name: &str) -> ApiResult<UsernameSet> {
    ctx.principal.require_scope("user", "update")?;
    let user = ctx.principal.require_user()?;
    let already_set = || {
        refusal(
            code::USER_USERNAME_ALREADY_SET,
            "You have a username already; it cannot be changed.",
        )
    };
    if !user.username.is_empty() {
        return Err(already_set());
    }
    let unit = ctx.begin().await?;
    check(ctx, &unit, name).await?;
    let id = UserId(user.id);
    let identity = unit.tenant().identity();
    if !identity.set_username(id, name).await.map_err(in_use)? {
        return Err(already_set());
    }
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "iam",
        model: "user",
        object_id: Some(user.id),
        action: "update",
        status_code: StatusCode::OK.as_u16(),
        description: format!("chose the username {name}"),
        data: json!({"username": name}),
    })
    .await?;
    unit.commit().await?;
    Ok(UsernameSet {
        id,
        username: name.to_owned(),
    })
}

/// Refuses a name that cannot be given to somebody. One that an account on a server
/// has goes to nobody but by a superuser: it comes with what that account may do.
pub(super) async fn check(ctx: &Ctx, unit: &Unit, name: &str) -> ApiResult<()> {
    check_for(unit, name, ctx.principal.is_superuser()).await
}

/// The same, for somebody who is no user yet.
pub(crate) async fn check_own(unit: &Unit, name: &str) -> ApiResult<()> {
    check_for(unit, name, false).await
}

async fn check_for(unit: &Unit, name: &str, by_superuser: bool) -> ApiResult<()> {
    check_form(name)?;
    let tenant = unit.tenant();
    if tenant.identity().user_by_name(name).await?.is_some() {
        return Err(taken());
    }
    if !by_superuser && tenant.has_host_account(name).await? {
        return Err(refusal(
            code::APPROVAL_SUPERUSER_APPROVE_REQUIRED,
            "An account of this name exists on a server. Only a superuser can give it to a \
             user; ask one, or choose another name.",
        ));
    }
    Ok(())
}

/// What the database says of a name that somebody took meanwhile.
pub(crate) fn in_use(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => taken(),
        other => other.into(),
    }
}

fn taken() -> ApiError {
    refusal(
        code::USER_USERNAME_IN_USE,
        "This username is taken; choose another one.",
    )
}

fn check_form(name: &str) -> ApiResult<()> {
    let starts = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    if RESERVED.contains(&name)
        || RESERVED_BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
    {
        return Err(refusal(
            code::USER_USERNAME_DISALLOWED,
            "This username is reserved; choose another one.",
        ));
    }
    if !starts || name.len() > MAX || !name.bytes().all(rest) {
        return Err(refusal(
            code::USER_USERNAME_INVALID,
            "A username has 1 to 32 lower-case letters, digits, hyphens and underscores, and \
             starts with a letter.",
        ));
    }
    Ok(())
}

fn refusal(code: &'static str, detail: &str) -> ApiError {
    let mut refusal = ApiError::new(StatusCode::BAD_REQUEST, detail).code(code, SOURCE);
    refusal.field = Some("username");
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_form_that_hosts_take() {
        for name in ["a", "jane", "jane-doe_2", &"x".repeat(MAX)] {
            assert_eq!(check_form(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "Jane",
            "1jane",
            "-jane",
            "_jane",
            "jane doe",
            "jane.doe",
            "jané",
            "a/b",
            "a\n",
            &"x".repeat(MAX + 1),
        ] {
            let refusal = check_form(name).unwrap_err();
            assert_eq!(refusal.code, Some("user_username_invalid"), "{name:?}");
        }
    }

    #[test]
    fn names_of_systems_are_reserved() {
        for name in [
            "root",
            "admin",
            "alpacon",
            "www-data",
            "systemd-network",
            "alpamon-x",
        ] {
            let refusal = check_form(name).unwrap_err();
            assert_eq!(refusal.code, Some("user_username_disallowed"), "{name}");
        }
        assert!(RESERVED.is_sorted());
    }
}
