//! A token's access-control lists as authority: deny by default.

use http::StatusCode;
use protocol::code;
use protocol::id::{ServerId, TokenId};
use store::entity::{command_acl, file_acl, server};

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
    let own = ctx.principal.own_account();
    let mut rules = ctx.tenant().acl().commands(token).await?;
    if ctx.principal.is_application() {
        // What an application may work as, its rules say by name.
        rules.retain(|rule| !rule.username.is_empty());
    }
    Ok(commands_for(rules, own, target.username, target.groupname))
}

/// The command rules that cover work as `username` in `groupname`.
pub(super) fn commands_for(
    rules: Vec<command_acl::Model>,
    own: &str,
    username: &str,
    groupname: &str,
) -> Vec<String> {
    rules
        .into_iter()
        .filter(|rule| covers_account((&rule.username, &rule.groupname), own, username, groupname))
        .map(|rule| rule.command)
        .collect()
}

/// The file rules of a token for the account. The server is checked already.
pub(super) async fn files(
    ctx: &Ctx,
    token: TokenId,
    target: &Target<'_>,
) -> ApiResult<Vec<file_acl::Model>> {
    let own = ctx.principal.own_account();
    let mut rules = ctx.tenant().acl().files(token).await?;
    if ctx.principal.is_application() {
        rules.retain(|rule| !rule.username.is_empty());
    }
    let (username, groupname) = (target.username, target.groupname);
    rules
        .retain(|rule| covers_account((&rule.username, &rule.groupname), own, username, groupname));
    Ok(rules)
}

/// Whether a rule for an account and a group applies to work as `username` in
/// `groupname` (empty: the owner's account, its own group).
fn covers_account(rule: (&str, &str), own: &str, username: &str, groupname: &str) -> bool {
    let username_fits = match rule.0 {
        "*" => true,
        "" => username.is_empty() || username == own,
        name => name == if username.is_empty() { own } else { username },
    };
    let groupname_fits = match rule.1 {
        "*" | "" => true,
        name => name == groupname,
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
            let found = covers_account((rule_user, rule_group), "alice", user, group);
            assert_eq!(found, covered, "{rule_user} {rule_group} {user} {group}");
        }
    }
}
