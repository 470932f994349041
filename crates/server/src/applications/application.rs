//! Creating, changing, locking and deleting applications.

use http::StatusCode;
use protocol::application::{Application, CreateApplication, SERVICE_TYPES};
use protocol::code;
use protocol::id::{ApplicationId, TokenId};
use serde_json::{Map, Value, json};
use store::applications::{ApplicationChange, NewApplication};
use store::audit::AuditRecord;
use store::entity::application;
use store::{Paging, StoreError};

use super::manager::require_manager;
use crate::commands;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx, Document};
use crate::rendezvous;

/// For refusals.
const SOURCE: &str = "application";
/// Longest name, characters.
const MAX_NAME: usize = 64;
/// Longest text, characters.
const MAX_TEXT: usize = 1024;
/// Longest account name.
const MAX_USERNAME: usize = 128;

/// An application, for those who manage them.
pub(super) async fn find(ctx: &Ctx, id: ApplicationId) -> ApiResult<application::Model> {
    require_manager(ctx)?;
    ctx.tenant()
        .applications()
        .find(id)
        .await?
        .ok_or_else(ApiError::not_found)
}

/// Creates an application. It can do nothing until it has a token with rules.
pub(super) async fn create(ctx: &Ctx, request: CreateApplication) -> ApiResult<application::Model> {
    let creator = require_manager(ctx)?;
    let new = NewApplication {
        name: checked_name(&request.name)?,
        description: request.description,
        service_type: checked_type(&request.service_type)?.to_owned(),
        username: checked_username(&request.username)?,
        created_by: Some(creator),
    };
    check_text(SOURCE, "description", &new.description, MAX_TEXT)?;
    let unit = ctx.begin().await?;
    let row = unit.tenant().applications().create(new).await;
    let row = row.map_err(taken)?;
    let data = json!({"service_type": row.service_type, "username": row.username});
    unit.audit(record(ctx, &row, "create", StatusCode::CREATED, data))
        .await?;
    unit.commit().await?;
    Ok(row)
}

/// Changes an application to what `document` says of it. Locking it ends its work.
pub(super) async fn change(
    ctx: &Ctx,
    id: ApplicationId,
    document: &Map<String, Value>,
) -> ApiResult<application::Model> {
    let row = find(ctx, id).await?;
    let change = wanted(&row, Document::new(document, SOURCE))?;
    if change == ApplicationChange::default() {
        return Ok(row);
    }
    let action = match change.is_active {
        Some(false) => "lock",
        Some(true) => "unlock",
        None => "update",
    };
    let data = json!({
        "name": change.name, "description": change.description,
        "service_type": change.service_type, "username": change.username,
        "is_active": change.is_active,
    });
    let unit = ctx.begin().await?;
    let changed = unit.tenant().applications().change(row, change).await;
    let changed = changed.map_err(taken)?;
    unit.audit(record(ctx, &changed, action, StatusCode::OK, data))
        .await?;
    unit.commit().await?;
    if !changed.is_active {
        let tokens = ctx.tenant().applications().token_ids(id).await?;
        end_work(ctx, &tokens, "The application was locked.").await;
    }
    Ok(changed)
}

/// Deletes an application with its tokens and what trusts it.
pub(super) async fn delete(ctx: &Ctx, id: ApplicationId) -> ApiResult<()> {
    let row = find(ctx, id).await?;
    let tokens = ctx.tenant().applications().token_ids(id).await?;
    let unit = ctx.begin().await?;
    unit.tenant().applications().delete(id).await?;
    let status = StatusCode::NO_CONTENT;
    unit.audit(record(ctx, &row, "delete", status, json!({})))
        .await?;
    unit.commit().await?;
    end_work(ctx, &tokens, "The application was deleted.").await;
    Ok(())
}

/// Cuts off what listens with these tokens and stops their commands. They may do
/// nothing more already, so what fails here is only logged; the clock of the commands
/// finds what is left within a second.
pub(super) async fn end_work(ctx: &Ctx, tokens: &[TokenId], reason: &str) {
    for token in tokens {
        ctx.app.events.close_of(token.0);
        rendezvous::end_of_token(&ctx.app, *token);
    }
    if let Err(error) = commands::cancel_of_tokens(ctx, tokens, reason).await {
        tracing::error!(detail = error.detail, "commands could not be stopped");
    }
}

/// Applications by name, for those who manage them.
pub(super) async fn list(
    ctx: &Ctx,
    name: Option<&str>,
    paging: Paging,
) -> ApiResult<(Vec<application::Model>, u64)> {
    require_manager(ctx)?;
    Ok(ctx.tenant().applications().list(name, paging).await?)
}

fn wanted(row: &application::Model, document: Document<'_>) -> ApiResult<ApplicationChange> {
    let changed = |value: Option<String>, current: &str| value.filter(|value| value != current);
    let name = document.text("name", MAX_NAME)?;
    let name = name.map(|name| checked_name(&name)).transpose()?;
    let username = document.text("username", MAX_USERNAME)?;
    let username = username.map(|name| checked_username(&name)).transpose()?;
    let service_type = document.choice("service_type", &SERVICE_TYPES)?;
    Ok(ApplicationChange {
        name: changed(name, &row.name),
        description: changed(document.text("description", MAX_TEXT)?, &row.description),
        service_type: changed(service_type.map(str::to_owned), &row.service_type),
        username: changed(username, &row.username),
        is_active: document
            .flag("is_active")?
            .filter(|flag| *flag != row.is_active),
    })
}

fn checked_name(given: &str) -> ApiResult<String> {
    let name = given.trim();
    if name.is_empty() {
        return Err(ApiError::missing(SOURCE, "name"));
    }
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if name.chars().count() > MAX_NAME || !name.chars().all(is_plain) {
        return Err(ApiError::field(
            SOURCE,
            "name",
            format!("A name has at most {MAX_NAME} letters, digits, spaces, and - _ . only."),
        ));
    }
    Ok(name.to_owned())
}

fn checked_type(given: &str) -> ApiResult<&'static str> {
    if given.is_empty() {
        return Ok("automation");
    }
    let known = SERVICE_TYPES.iter().find(|known| **known == given);
    known.copied().ok_or_else(|| {
        let detail = format!("service_type must be one of: {}.", SERVICE_TYPES.join(", "));
        let mut refusal = ApiError::field(SOURCE, "service_type", detail);
        refusal.code = Some(code::INVALID_CHOICE);
        refusal
    })
}

/// The account is a default for requests, never a right: rules name accounts.
fn checked_username(given: &str) -> ApiResult<String> {
    let name = given.trim();
    if name.is_empty() || crate::gate::is_account_name(name) {
        return Ok(name.to_owned());
    }
    let detail = "username must be the name of an account on your servers.";
    Err(ApiError::field(SOURCE, "username", detail))
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => {
            ApiError::conflict("There is an application of this name already; choose another one.")
        }
        other => other.into(),
    }
}

fn record(
    ctx: &Ctx,
    row: &application::Model,
    action: &'static str,
    status: StatusCode,
    data: Value,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: SOURCE,
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} application {}", row.name),
        data,
    }
}

/// An application as those who manage it see it.
pub(super) fn view(row: &application::Model) -> Application {
    Application {
        id: ApplicationId(row.id),
        name: row.name.clone(),
        description: row.description.clone(),
        service_type: row.service_type.clone(),
        username: row.username.clone(),
        is_active: row.is_active,
        added_at: Some(row.added_at),
        updated_at: Some(row.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_types_and_accounts_are_checked() {
        assert_eq!(checked_name(" ci-1 ").unwrap(), "ci-1");
        for name in ["", " ", "a\u{7}", "a/b", "<b>"] {
            assert!(checked_name(name).is_err(), "{name:?}");
        }
        assert!(checked_name(&"x".repeat(MAX_NAME + 1)).is_err());
        assert_eq!(checked_type("").unwrap(), "automation");
        assert_eq!(checked_type("ci_cd").unwrap(), "ci_cd");
        assert!(checked_type("admin").is_err());
        assert_eq!(checked_username("").unwrap(), "");
        assert_eq!(checked_username("deploy").unwrap(), "deploy");
        assert!(checked_username("-u root").is_err());
    }
}
