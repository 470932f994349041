//! A token's access-control lists as authority: deny by default.

use http::StatusCode;
use protocol::code;
use protocol::id::{ServerId, TokenId};
use store::entity::{file_acl, server};

use super::Target;
use crate::http::{ApiError, ApiResult, Ctx};

fn refuse(detail: String) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, detail).code(code::API_TOKEN_ACL_NOT_ALLOWED, "token")
}

/// The command rules of a token for the account, if it may reach the server.
pub(super) async fn check(
    ctx: &Ctx,
    token: TokenId,
    server: &server::Model,
    target: &Target<'_>,
) -> ApiResult<Vec<String>> {
    let acl = ctx.tenant().acl();
    if !acl.allows_server(token, ServerId(server.id)).await? {
        return Err(refuse(format!(
            "The token's server rules do not include {}; see: alpacon token acl server add",
            server.name
        )));
    }
    let own = ctx
        .principal
        .user()
        .map(|user| user.username.as_str())
        .unwrap_or_default();
    let rules = ctx.tenant().acl().commands(token).await?;
    Ok(rules
        .into_iter()
        .filter(|rule| covers_account(&rule.username, &rule.groupname, own, target))
        .map(|rule| rule.command)
        .collect())
}

/// The file rules of a token for the account. The server is checked already.
pub(super) async fn files(
    ctx: &Ctx,
    token: TokenId,
    target: &Target<'_>,
) -> ApiResult<Vec<file_acl::Model>> {
    let own = ctx
        .principal
        .user()
        .map(|user| user.username.as_str())
        .unwrap_or_default();
    let mut rules = ctx.tenant().acl().files(token).await?;
    rules.retain(|rule| covers_account(&rule.username, &rule.groupname, own, target));
    Ok(rules)
}

/// Whether a rule for `username` and `groupname` applies to the account of `target`
/// (empty: the owner's account, its own group).
fn covers_account(username: &str, groupname: &str, own: &str, target: &Target<'_>) -> bool {
    let wanted = target.username;
    let username_fits = match username {
        "*" => true,
        "" => wanted.is_empty() || wanted == own,
        name => name == if wanted.is_empty() { own } else { wanted },
    };
    let groupname_fits = match groupname {
        "*" | "" => true,
        name => name == target.groupname,
    };
    username_fits && groupname_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_match_as_documented() {
        // (rule username, rule group, requested username, requested group, covered)
        let table = [
            ("", "", "", "", true),
            ("", "", "alice", "", true),
            ("", "", "root", "", false),
            ("*", "", "root", "", true),
            ("root", "", "root", "", true),
            ("root", "", "", "", false),
            ("alice", "", "", "", true),
            ("", "docker", "", "", false),
            ("", "docker", "", "docker", true),
            ("", "*", "", "wheel", true),
        ];
        for (rule_user, rule_group, user, group, covered) in table {
            let target = Target {
                server: ServerId::new(),
                username: user,
                groupname: group,
                work_session: None,
            };
            let found = covers_account(rule_user, rule_group, "alice", &target);
            assert_eq!(found, covered, "{rule_user} {rule_group} {user} {group}");
        }
    }
}
