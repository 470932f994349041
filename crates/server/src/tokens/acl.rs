//! The three lists that bound a token (`rest-identity.md` §20).

use http::StatusCode;
use judge::RuleSet;
use protocol::code;
use protocol::id::{AclId, ServerId, TokenId};
use protocol::token::{AddServerRule, CommandRule, FileRule, RuleServer, ServerRule, ServerRules};
use serde_json::{Value, json};
use store::acl::AclKind;
use store::audit::AuditRecord;
use store::entity::{api_token, command_acl, file_acl, server_acl};

use super::owner;
use super::token::SOURCE;
use crate::applications;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::Summaries;

/// Rules of one kind that one token may have.
const MAX_RULES: u64 = 1000;
/// Servers in one bulk request.
const MAX_BULK: usize = 100;
/// Longest account or group name.
const MAX_NAME: usize = 128;
/// What a file rule may allow.
const FILE_ACTIONS: [&str; 3] = ["upload", "download", "*"];

/// Allows a token a command.
pub(super) async fn add_command(ctx: &Ctx, rule: CommandRule) -> ApiResult<CommandRule> {
    let token = owner::bounded(ctx, rule.token, rule.service_token).await?;
    let id = TokenId(token.id);
    check_names(&rule.username, &rule.groupname)?;
    check_account(&token, &rule.username)?;
    check_pattern("command", &rule.command)?;
    require_room(ctx, AclKind::Command, id).await?;
    let unit = ctx.begin().await?;
    let row = unit
        .tenant()
        .acl()
        .add_command(id, &rule.command, &rule.username, &rule.groupname)
        .await?;
    let data = json!({
        "command": row.command, "username": row.username, "groupname": row.groupname,
    });
    unit.audit(record(ctx, &token, AclKind::Command, "create", data))
        .await?;
    unit.commit().await?;
    Ok(command_view(row, &token))
}

/// Allows a token a path.
pub(super) async fn add_file(ctx: &Ctx, rule: FileRule) -> ApiResult<FileRule> {
    let token = owner::bounded(ctx, rule.token, rule.service_token).await?;
    let id = TokenId(token.id);
    check_names(&rule.username, &rule.groupname)?;
    check_account(&token, &rule.username)?;
    check_pattern("path", &rule.path)?;
    if !FILE_ACTIONS.contains(&rule.action.as_str()) {
        let detail = "action must be one of: upload, download, *.";
        let mut refusal = ApiError::field(SOURCE, "action", detail);
        refusal.code = Some(code::INVALID_CHOICE);
        return Err(refusal);
    }
    require_room(ctx, AclKind::File, id).await?;
    let unit = ctx.begin().await?;
    let row = unit
        .tenant()
        .acl()
        .add_file(
            id,
            &rule.path,
            &rule.action,
            &rule.username,
            &rule.groupname,
        )
        .await?;
    let data = json!({
        "path": row.path, "action": row.action,
        "username": row.username, "groupname": row.groupname,
    });
    unit.audit(record(ctx, &token, AclKind::File, "create", data))
        .await?;
    unit.commit().await?;
    Ok(file_view(row, &token))
}

/// Allows a token a server.
pub(super) async fn add_server(ctx: &Ctx, rule: AddServerRule) -> ApiResult<ServerRule> {
    let token = owner::bounded(ctx, rule.token, rule.service_token).await?;
    let rows = add_servers(ctx, &token, &[rule.server]).await?;
    let row = rows.into_iter().next().ok_or_else(|| {
        ApiError::conflict("The token has a rule for this server already; nothing to do.")
    })?;
    server_views(ctx, vec![row], &token)
        .await?
        .pop()
        .ok_or_else(ApiError::not_found)
}

/// Allows a token servers; those it has already are left alone.
pub(super) async fn add_bulk(ctx: &Ctx, rules: &ServerRules) -> ApiResult<Vec<ServerRule>> {
    check_bulk(rules)?;
    let token = owner::bounded(ctx, rules.token, rules.service_token).await?;
    let rows = add_servers(ctx, &token, &rules.servers).await?;
    server_views(ctx, rows, &token).await
}

async fn add_servers(
    ctx: &Ctx,
    token: &api_token::Model,
    servers: &[ServerId],
) -> ApiResult<Vec<server_acl::Model>> {
    let id = TokenId(token.id);
    let mut wanted = servers.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let visible = ctx
        .tenant()
        .fleet()
        .find_all(ctx.principal.viewer(), wanted.iter().map(|id| id.0))
        .await?;
    if visible.len() < wanted.len() {
        let detail = "One of the servers does not exist; see: alpacon server ls";
        return Err(ApiError::field(SOURCE, "server", detail));
    }
    require_room(ctx, AclKind::Server, id).await?;
    let unit = ctx.begin().await?;
    let acl = unit.tenant().acl();
    let named = acl.named_servers(id, &wanted).await?;
    wanted.retain(|server| !named.contains(server));
    let mut rows = Vec::with_capacity(wanted.len());
    for server in &wanted {
        rows.push(acl.add_server(id, Some(*server)).await?);
    }
    if !rows.is_empty() {
        let data = json!({"servers": wanted});
        unit.audit(record(ctx, token, AclKind::Server, "create", data))
            .await?;
        unit.commit().await?;
    }
    Ok(rows)
}

/// Removes a token's rules for servers; those it has not are no error.
pub(super) async fn remove_bulk(ctx: &Ctx, rules: &ServerRules) -> ApiResult<()> {
    check_bulk(rules)?;
    let token = owner::bounded(ctx, rules.token, rules.service_token).await?;
    let unit = ctx.begin().await?;
    let removed = unit
        .tenant()
        .acl()
        .remove_servers(TokenId(token.id), &rules.servers)
        .await?;
    if removed > 0 {
        applications::end_issued(&unit, TokenId(token.id)).await?;
        let data = json!({"servers": rules.servers});
        unit.audit(record(ctx, &token, AclKind::Server, "delete", data))
            .await?;
        unit.commit().await?;
    }
    Ok(())
}

/// Removes a rule.
pub(super) async fn remove(ctx: &Ctx, kind: AclKind, id: AclId) -> ApiResult<()> {
    owner::manager(ctx)?;
    let token = ctx
        .tenant()
        .acl()
        .token_of(kind, id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let token = owner::manageable(ctx, token).await?;
    let unit = ctx.begin().await?;
    unit.tenant().acl().delete(kind, id).await?;
    applications::end_issued(&unit, TokenId(token.id)).await?;
    unit.audit(record(ctx, &token, kind, "delete", json!({"rule": id})))
        .await?;
    Ok(unit.commit().await?)
}

fn check_bulk(rules: &ServerRules) -> ApiResult<()> {
    if (1..=MAX_BULK).contains(&rules.servers.len()) {
        return Ok(());
    }
    let detail = format!("servers must name 1 to {MAX_BULK} servers.");
    Err(ApiError::field(SOURCE, "servers", detail))
}

/// Refuses patterns that the judge could not use: one of them would disable all
/// rules of the token.
fn check_pattern(field: &'static str, pattern: &str) -> ApiResult<()> {
    let patterns = [pattern.to_owned()];
    let compiled = match field {
        "path" => RuleSet::compile_paths(&patterns),
        _ if pattern.trim() == "*" => return Ok(()),
        _ => RuleSet::compile(&patterns),
    };
    match compiled {
        Ok(_) => Ok(()),
        Err(error) => Err(ApiError::field(SOURCE, field, format!("{error}."))),
    }
}

/// An application has no account of its own that an empty name could stand for.
fn check_account(token: &api_token::Model, username: &str) -> ApiResult<()> {
    if token.application_id.is_none() || !username.is_empty() {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        "username",
        "An application has no account of its own: name the account in username, or *.",
    ))
}

fn check_names(username: &str, groupname: &str) -> ApiResult<()> {
    for (field, name) in [("username", username), ("groupname", groupname)] {
        if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            let detail = format!("{field} has at most {MAX_NAME} printable characters.");
            return Err(ApiError::field(SOURCE, field, detail));
        }
    }
    Ok(())
}

async fn require_room(ctx: &Ctx, kind: AclKind, token: TokenId) -> ApiResult<()> {
    if ctx.tenant().acl().count(kind, token).await? < MAX_RULES {
        return Ok(());
    }
    Err(ApiError::invalid(
        SOURCE,
        format!("The token has {MAX_RULES} rules of this kind already; use * to join some."),
    ))
}

fn record(
    ctx: &Ctx,
    token: &api_token::Model,
    kind: AclKind,
    action: &'static str,
    data: Value,
) -> AuditRecord {
    let (model, word) = match kind {
        AclKind::Command => ("command_acl", "command"),
        AclKind::Server => ("server_acl", "server"),
        AclKind::File => ("file_acl", "file"),
    };
    let status = match action {
        "create" => StatusCode::CREATED,
        _ => StatusCode::NO_CONTENT,
    };
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "security",
        model,
        object_id: Some(token.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} {word} rules of API token {}", token.name),
        data,
    }
}

/// The id again, where an application owns the token.
fn service_token(token: &api_token::Model) -> TokenId {
    match token.application_id {
        Some(_) => TokenId(token.id),
        None => TokenId::default(),
    }
}

/// A command rule as its owner sees it.
pub(super) fn command_view(row: command_acl::Model, token: &api_token::Model) -> CommandRule {
    CommandRule {
        id: AclId(row.id),
        token: TokenId(row.token_id),
        service_token: service_token(token),
        token_name: token.name.clone(),
        command: row.command,
        username: row.username,
        groupname: row.groupname,
    }
}

/// A file rule as its owner sees it.
pub(super) fn file_view(row: file_acl::Model, token: &api_token::Model) -> FileRule {
    FileRule {
        id: AclId(row.id),
        token: TokenId(row.token_id),
        service_token: service_token(token),
        token_name: token.name.clone(),
        path: row.path,
        action: row.action,
        username: row.username,
        groupname: row.groupname,
    }
}

/// Server rules as their owner sees them.
pub(super) async fn server_views(
    ctx: &Ctx,
    rows: Vec<server_acl::Model>,
    token: &api_token::Model,
) -> ApiResult<Vec<ServerRule>> {
    let servers = rows.iter().filter_map(|row| row.server_id);
    let summaries = Summaries::read(ctx, [], servers).await?;
    let view = |row: server_acl::Model| ServerRule {
        id: AclId(row.id),
        token: TokenId(row.token_id),
        service_token: service_token(token),
        token_name: token.name.clone(),
        server: match row.server_id {
            Some(id) => RuleServer {
                id: id.to_string(),
                name: summaries.server(id).name,
            },
            None => RuleServer {
                id: "*".to_owned(),
                name: "*".to_owned(),
            },
        },
    };
    Ok(rows.into_iter().map(view).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_the_judge_cannot_use_are_refused() {
        for command in ["*", "uptime", "systemctl status *"] {
            assert!(check_pattern("command", command).is_ok(), "{command}");
        }
        for command in ["", "  ", "a\u{1b}b"] {
            let refusal = check_pattern("command", command).unwrap_err();
            assert_eq!(refusal.field, Some("command"), "{command}");
        }
        assert!(check_pattern("path", "/var/log/*").is_ok());
        assert_eq!(check_pattern("path", "").unwrap_err().field, Some("path"));
    }

    #[test]
    fn bulk_requests_name_some_servers_and_not_too_many() {
        let rules = |count| ServerRules {
            token: TokenId::new(),
            service_token: TokenId::default(),
            servers: vec![ServerId::new(); count],
        };
        assert!(check_bulk(&rules(0)).is_err());
        assert!(check_bulk(&rules(1)).is_ok());
        assert!(check_bulk(&rules(MAX_BULK)).is_ok());
        assert!(check_bulk(&rules(MAX_BULK + 1)).is_err());
    }
}
