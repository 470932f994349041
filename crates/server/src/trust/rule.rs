//! Creating, changing and deleting trust rules: superusers, logged in.

use http::StatusCode;
use protocol::id::{ApplicationId, TokenId, TrustRuleId};
use protocol::trust::{Conditions, CreateTrustRule, TrustRule};
use serde_json::{Map, Value, json};
use store::audit::AuditRecord;
use store::entity::{api_token, application, trust_rule};
use store::trust::{NewTrustRule, TrustRuleChange};
use store::{Paging, StoreError};

use super::conditions;
use crate::applications::require_manager;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx, Document};
use crate::mfa;

/// For refusals.
pub(super) const SOURCE: &str = "trust_rule";
/// Longest name, characters.
const MAX_NAME: usize = 64;
/// Longest issuer or audience, characters.
const MAX_ADDRESS: usize = 512;
/// Lifetimes of what is issued, seconds.
const TTL: std::ops::RangeInclusive<i64> = 60..=3600;
/// Where none is given.
const DEFAULT_TTL: i64 = 900;

/// A rule with the names of what it gives.
pub(super) async fn find(ctx: &Ctx, id: TrustRuleId) -> ApiResult<TrustRule> {
    named(ctx, row(ctx, id).await?).await
}

async fn named(ctx: &Ctx, row: trust_rule::Model) -> ApiResult<TrustRule> {
    let mut views = views(ctx, &[row]).await?;
    views.pop().ok_or_else(ApiError::not_found)
}

async fn row(ctx: &Ctx, id: TrustRuleId) -> ApiResult<trust_rule::Model> {
    require_manager(ctx)?;
    let found = ctx.tenant().trust().find(id).await?;
    found.ok_or_else(ApiError::not_found)
}

/// Rules by name.
pub(super) async fn list(
    ctx: &Ctx,
    name: Option<&str>,
    paging: Paging,
) -> ApiResult<(Vec<TrustRule>, u64)> {
    require_manager(ctx)?;
    let (rows, count) = ctx.tenant().trust().list(name, paging).await?;
    Ok((views(ctx, &rows).await?, count))
}

/// Creates a rule for a service token that people made.
pub(super) async fn create(ctx: &Ctx, request: CreateTrustRule) -> ApiResult<TrustRule> {
    require_manager(ctx)?;
    mfa::require_for_settings(ctx, SOURCE).await?;
    let name = checked_name(&request.name)?;
    ctx.app
        .issuers
        .fetcher()
        .addresses()
        .check(&request.issuer)
        .map_err(|error| ApiError::field(SOURCE, "issuer", format!("issuer: {error}.")))?;
    check_text(SOURCE, "issuer", &request.issuer, MAX_ADDRESS)?;
    let audience = match request.audience.trim() {
        "" => ctx.base_url.clone(),
        given => given.to_owned(),
    };
    check_text(SOURCE, "audience", &audience, MAX_ADDRESS)?;
    conditions::check(&request.issuer, &request.conditions)?;
    let ttl = match request.ttl {
        0 => DEFAULT_TTL,
        given => given,
    };
    if !TTL.contains(&ttl) {
        return Err(ApiError::field(
            SOURCE,
            "ttl",
            format!("ttl is {} to {} seconds.", TTL.start(), TTL.end()),
        ));
    }
    let (token, application) = parent(ctx, request.service_token).await?;
    let new = NewTrustRule {
        application: ApplicationId(application.id),
        token: TokenId(token.id),
        name,
        issuer: request.issuer,
        audience,
        conditions: stored(&request.conditions),
        ttl,
    };
    let unit = ctx.begin().await?;
    let created = unit.tenant().trust().create(new).await.map_err(taken)?;
    unit.audit(record(ctx, &created, "create", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    Ok(view(&created, &application, &token))
}

/// The token that issued ones are to be like.
async fn parent(ctx: &Ctx, id: TokenId) -> ApiResult<(api_token::Model, application::Model)> {
    let refuse = |detail: &str| ApiError::field(SOURCE, "service_token", detail);
    let unknown = || refuse("service_token must be the id of one; see: alpacon service-token ls");
    let token = ctx.tenant().applications().token(id).await?;
    let token = token.ok_or_else(unknown)?;
    if token.issued_from.is_some() {
        return Err(refuse(
            "This token was issued to a job; name the one it came from.",
        ));
    }
    let owner = token
        .application_id
        .map(ApplicationId)
        .ok_or_else(unknown)?;
    let owner = ctx.tenant().applications().find(owner).await?;
    Ok((token, owner.ok_or_else(unknown)?))
}

/// Changes a rule to what `document` says of it. Whose jobs it trusts is changed by
/// another rule: issuer and token stay.
pub(super) async fn change(
    ctx: &Ctx,
    id: TrustRuleId,
    members: &Map<String, Value>,
) -> ApiResult<TrustRule> {
    let row = row(ctx, id).await?;
    mfa::require_for_settings(ctx, SOURCE).await?;
    let document = Document::new(members, SOURCE);
    let name = document.text("name", MAX_NAME)?;
    let name = name.map(|name| checked_name(&name)).transpose()?;
    let given = match members.get("conditions") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let wanted = serde_json::from_value::<Conditions>(value.clone()).map_err(|_| {
                let detail = "conditions must be an object of claims to lists of patterns.";
                ApiError::field(SOURCE, "conditions", detail)
            })?;
            conditions::check(&row.issuer, &wanted)?;
            Some(stored(&wanted))
        }
    };
    let change = TrustRuleChange {
        name,
        audience: document
            .text("audience", MAX_ADDRESS)?
            .filter(|text| !text.is_empty()),
        conditions: given,
        ttl: document.number("ttl", TTL)?,
        enabled: document.flag("enabled")?,
    };
    let unit = ctx.begin().await?;
    let changed = unit.tenant().trust().change(row, change).await;
    let changed = changed.map_err(taken)?;
    unit.audit(record(ctx, &changed, "update", StatusCode::OK))
        .await?;
    unit.commit().await?;
    named(ctx, changed).await
}

/// Deletes a rule. What it gave already lives on until its end, at most an hour; to end
/// that too, change or disable the service token it came from.
pub(super) async fn delete(ctx: &Ctx, id: TrustRuleId) -> ApiResult<()> {
    let row = row(ctx, id).await?;
    let unit = ctx.begin().await?;
    unit.tenant().trust().delete(id).await?;
    unit.audit(record(ctx, &row, "delete", StatusCode::NO_CONTENT))
        .await?;
    unit.commit().await?;
    Ok(())
}

fn checked_name(given: &str) -> ApiResult<String> {
    let name = given.trim();
    if name.is_empty() {
        return Err(ApiError::missing(SOURCE, "name"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() > MAX_NAME || !name.chars().all(is_plain) {
        let detail = format!("A name has at most {MAX_NAME} letters, digits, and - _ . only.");
        return Err(ApiError::field(SOURCE, "name", detail));
    }
    Ok(name.to_owned())
}

fn stored(conditions: &Conditions) -> Value {
    json!(conditions)
}

/// The conditions of a stored rule; none that can hold when they are not readable.
pub(super) fn conditions_of(row: &trust_rule::Model) -> Conditions {
    serde_json::from_value(row.conditions.clone()).unwrap_or_default()
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => {
            ApiError::conflict("There is a trust rule of this name already; choose another one.")
        }
        other => other.into(),
    }
}

async fn views(ctx: &Ctx, rows: &[trust_rule::Model]) -> ApiResult<Vec<TrustRule>> {
    let applications = ctx.tenant().applications();
    let owners = applications
        .find_all(rows.iter().map(|row| row.application_id))
        .await?;
    let tokens = applications
        .find_tokens(rows.iter().map(|row| row.token_id))
        .await?;
    let views = rows.iter().filter_map(|row| {
        let owner = owners.iter().find(|owner| owner.id == row.application_id)?;
        let token = tokens.iter().find(|token| token.id == row.token_id)?;
        Some(view(row, owner, token))
    });
    Ok(views.collect())
}

fn view(
    row: &trust_rule::Model,
    owner: &application::Model,
    token: &api_token::Model,
) -> TrustRule {
    TrustRule {
        id: TrustRuleId(row.id),
        name: row.name.clone(),
        application: ApplicationId(owner.id),
        application_name: owner.name.clone(),
        service_token: TokenId(token.id),
        service_token_name: token.name.clone(),
        issuer: row.issuer.clone(),
        audience: row.audience.clone(),
        conditions: conditions_of(row),
        ttl: row.ttl,
        enabled: row.enabled,
        updated_at: Some(row.updated_at),
        last_used_at: row.last_used_at,
    }
}

fn record(
    ctx: &Ctx,
    row: &trust_rule::Model,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: "auth",
        model: SOURCE,
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("{action} trust rule {}", row.name),
        data: json!({
            "issuer": row.issuer, "audience": row.audience, "conditions": row.conditions,
            "ttl": row.ttl, "enabled": row.enabled, "application": row.application_id,
            "service_token": row.token_id,
        }),
    }
}
