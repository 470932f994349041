//! The account on the host: whose, and in which group.

use http::StatusCode;
use protocol::code;
use protocol::id::ServerId;
use serde_json::Value;
use store::entity::server;

use crate::http::{ApiError, ApiResult, Ctx};

/// What a host's account or group name may look like.
pub(crate) fn is_account_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'@' | b'$');
    first && name.len() <= 128 && bytes.all(rest)
}

/// The account to work as. Everyone may use their own; superusers any; others root
/// where the workspace allows it.
pub(super) fn username(ctx: &Ctx, requested: &str) -> ApiResult<String> {
    let own = ctx.principal.own_account();
    if requested.is_empty() {
        if own.is_empty() && ctx.principal.is_application() {
            return Err(ApiError::field(
                "command",
                "username",
                "An application has no account of its own: name one, as in exec -u NAME.",
            ));
        }
        if own.is_empty() {
            return Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "Choose a system username first: alpacon username set <name>",
            )
            .code(code::USER_USERNAME_REQUIRED, "user"));
        }
        return Ok(own.to_owned());
    }
    if !is_account_name(requested) {
        return Err(ApiError::field(
            "command",
            "username",
            "This is not an account name.",
        ));
    }
    let allowed = requested == own
        || ctx.principal.is_superuser()
        // An application has no account of its own; its command rules name those it
        // may use. A personal token never exceeds its owner.
        || ctx.principal.user().is_none()
        || (requested == "root" && ctx.workspace.settings.allow_direct_root);
    if allowed {
        Ok(requested.to_owned())
    } else {
        Err(ApiError::forbidden(format!(
            "You may not work as {requested} on this server."
        )))
    }
}

/// The group to work in. Agents take an empty group as one called like the account,
/// so the account's own group is named where the server's inventory knows it.
pub(super) async fn groupname(
    ctx: &Ctx,
    server: &server::Model,
    username: &str,
    requested: &str,
) -> ApiResult<String> {
    if !requested.is_empty() {
        if !is_account_name(requested) {
            return Err(ApiError::field(
                "command",
                "groupname",
                "This is not a group name.",
            ));
        }
        return Ok(requested.to_owned());
    }
    if username == "root" {
        return Ok("root".to_owned());
    }
    let inventory = ctx.tenant().inventory(ServerId(server.id));
    let gid = inventory
        .find("users", username)
        .await?
        .and_then(|row| row.data.get("gid").and_then(Value::as_i64));
    let Some(gid) = gid else {
        return Ok(username.to_owned());
    };
    let group = inventory
        .find("groups", &gid.to_string())
        .await?
        .and_then(|row| {
            row.data
                .get("groupname")
                .and_then(Value::as_str)
                .map(str::to_owned)
        });
    Ok(group.unwrap_or_else(|| username.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::is_account_name;

    #[test]
    fn account_names_carry_nothing_that_could_be_an_option_or_a_path() {
        for name in ["root", "www-data", "_apt", "jane.doe", "svc$"] {
            assert!(is_account_name(name), "{name}");
        }
        for name in ["", "-u", "a b", "a/b", "a\n", "../x", "ä", "a:b"] {
            assert!(!is_account_name(name), "{name}");
        }
    }
}
