//! Creating, changing and deleting guardrails: superusers only, and the record of it.

use http::StatusCode;
use protocol::guardrail::{Guardrail, WriteGuardrail};
use protocol::id::GuardrailId;
use serde_json::json;
use store::StoreError;
use store::audit::AuditRecord;
use store::entity::guardrail as row;
use store::guardrails::GuardrailContent;

use super::view;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx};

/// For refusals, and the token scope resource.
pub(super) const SOURCE: &str = "guardrail";
/// Guardrails of one workspace.
const MAX_GUARDRAILS: u64 = 200;
const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 1024;

/// Creates a guardrail. It is in force when this returns.
pub(super) async fn create(ctx: &Ctx, request: WriteGuardrail) -> ApiResult<Guardrail> {
    administrator(ctx)?;
    let content = GuardrailContent {
        name: name(request.name.as_deref().unwrap_or_default())?,
        description: description(request.description.unwrap_or_default())?,
        policy: request.policy.unwrap_or_default(),
        enabled: request.enabled.unwrap_or(true),
    };
    let warnings = policy(&content.policy)?;
    let unit = ctx.begin().await?;
    let guardrails = unit.tenant().guardrails();
    if guardrails.count().await? >= MAX_GUARDRAILS {
        return Err(ApiError::invalid(
            SOURCE,
            format!("The workspace has {MAX_GUARDRAILS} guardrails already; join some."),
        ));
    }
    let row = guardrails
        .create(content, ctx.principal.user_id())
        .await
        .map_err(taken)?;
    unit.audit(record(ctx, &row, "create", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    in_force(ctx, row, warnings).await
}

/// Changes a guardrail. The change is in force when this returns.
pub(super) async fn change(
    ctx: &Ctx,
    id: GuardrailId,
    request: WriteGuardrail,
) -> ApiResult<Guardrail> {
    administrator(ctx)?;
    let unit = ctx.begin().await?;
    let guardrails = unit.tenant().guardrails();
    let known = guardrails.find(id).await?.ok_or_else(ApiError::not_found)?;
    let content = GuardrailContent {
        name: match &request.name {
            Some(given) => name(given)?,
            None => known.name.clone(),
        },
        description: match request.description {
            Some(given) => description(given)?,
            None => known.description.clone(),
        },
        policy: request.policy.unwrap_or_else(|| known.policy.clone()),
        enabled: request.enabled.unwrap_or(known.enabled),
    };
    // One that a former version accepted may still be switched off.
    let warnings = match content.enabled || content.policy != known.policy {
        true => policy(&content.policy)?,
        false => Vec::new(),
    };
    let is_current = request
        .version
        .is_none_or(|version| version == known.version);
    let changed = match is_current {
        true => guardrails
            .change(&known, content, ctx.principal.user_id())
            .await
            .map_err(taken)?,
        false => None,
    };
    let row = changed.ok_or_else(|| {
        ApiError::conflict(format!(
            "The guardrail {} was changed by somebody else meanwhile; look at it again: \
             alpacon guardrail describe {}",
            known.name, known.name
        ))
    })?;
    unit.audit(record(ctx, &row, "update", StatusCode::OK))
        .await?;
    unit.commit().await?;
    in_force(ctx, row, warnings).await
}

/// Deletes a guardrail. What it said stays in its versions and in the audit trail.
pub(super) async fn delete(ctx: &Ctx, id: GuardrailId) -> ApiResult<()> {
    administrator(ctx)?;
    let unit = ctx.begin().await?;
    let guardrails = unit.tenant().guardrails();
    let row = guardrails.find(id).await?.ok_or_else(ApiError::not_found)?;
    guardrails.delete(id).await?;
    unit.audit(record(ctx, &row, "delete", StatusCode::NO_CONTENT))
        .await?;
    unit.commit().await?;
    Ok(ctx.app.guardrails.reload(&ctx.app.store).await?)
}

/// Superusers who are logged in: no token loosens what binds tokens.
fn administrator(ctx: &Ctx) -> ApiResult<()> {
    ctx.principal.require_superuser()?;
    if ctx.principal.is_interactive() {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "A token cannot change guardrails; log in first: alpacon login",
    ))
}

async fn in_force(ctx: &Ctx, row: row::Model, warnings: Vec<String>) -> ApiResult<Guardrail> {
    ctx.app.guardrails.reload(&ctx.app.store).await?;
    let mut views = view::guardrails(ctx, vec![row]).await?;
    let mut guardrail = views.pop().unwrap_or_default();
    guardrail.warnings = warnings;
    Ok(guardrail)
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => {
            ApiError::conflict("There is a guardrail of this name already; choose another.")
        }
        other => other.into(),
    }
}

fn name(given: &str) -> ApiResult<String> {
    let given = given.trim();
    if given.is_empty() {
        return Err(ApiError::missing(SOURCE, "name"));
    }
    let fits = |ch: char| ch.is_ascii_alphanumeric() || matches!(ch, '-' | '_' | '.');
    if given.len() <= MAX_NAME && given.chars().all(fits) && !given.starts_with('-') {
        return Ok(given.to_owned());
    }
    Err(ApiError::field(
        SOURCE,
        "name",
        format!("A name has up to {MAX_NAME} letters, digits, -, _ and ., and starts with no -."),
    ))
}

fn description(given: String) -> ApiResult<String> {
    check_text(SOURCE, "description", &given, MAX_DESCRIPTION)?;
    Ok(given)
}

/// The warnings about a policy text that may be stored.
fn policy(text: &str) -> ApiResult<Vec<String>> {
    if text.trim().is_empty() {
        return Err(ApiError::missing(SOURCE, "policy"));
    }
    match guardrail::check(text) {
        Ok(checked) => Ok(checked.warnings),
        Err(error) => Err(ApiError::field(SOURCE, "policy", error.to_string())),
    }
}

fn record(ctx: &Ctx, row: &row::Model, action: &'static str, status: StatusCode) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "security",
        model: "guardrail",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} guardrail {}, version {}", row.name, row.version),
        data: json!({
            "name": row.name, "version": row.version, "enabled": row.enabled,
            "policy": row.policy,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!(name(" no-prod.v2 ").unwrap(), "no-prod.v2");
        for bad in ["", " ", "-x", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_policy_that_is_none_is_refused_with_its_place() {
        let refusal = policy("forbid (principal, action,\n resourc);").unwrap_err();
        assert_eq!(refusal.field, Some("policy"));
        assert!(refusal.detail.starts_with("line 2"), "{}", refusal.detail);
        assert_eq!(policy(" ").unwrap_err().code, Some("api_insufficient_data"));
    }
}
