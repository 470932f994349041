//! Creating, changing and deleting identity providers: superusers, logged in.

use http::StatusCode;
use protocol::federation::{CreateIdentityProvider, IdentityProvider};
use protocol::id::ProviderId;
use serde_json::{Map, Value, json};
use store::audit::AuditRecord;
use store::entity::identity_provider;
use store::{Paging, StoreError};

use super::{redirect_uri, settings};
use crate::applications::require_manager;
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx, Document};
use crate::mfa;
use crate::oidc::OidcError;

/// For refusals.
pub(super) const SOURCE: &str = "identity_provider";
/// What client secrets are sealed for.
pub(super) const SECRET_PURPOSE: &str = "identity provider secret";
/// Longest slug.
const MAX_SLUG: usize = 32;
/// Longest issuer, characters.
const MAX_ISSUER: usize = 512;

/// A provider, for those who manage them.
pub(super) async fn find(ctx: &Ctx, id: ProviderId) -> ApiResult<identity_provider::Model> {
    require_manager(ctx)?;
    let found = ctx.tenant().federation().provider(id).await?;
    found.ok_or_else(ApiError::not_found)
}

/// Providers by name, for those who manage them.
pub(super) async fn list(
    ctx: &Ctx,
    slug: Option<&str>,
    paging: Paging,
) -> ApiResult<(Vec<identity_provider::Model>, u64)> {
    require_manager(ctx)?;
    Ok(ctx.tenant().federation().providers(slug, paging).await?)
}

/// Creates a provider. It is asked for its metadata first: one that does not answer
/// would only give people a button that fails.
pub(super) async fn create(
    ctx: &Ctx,
    wanted: &CreateIdentityProvider,
) -> ApiResult<identity_provider::Model> {
    require_manager(ctx)?;
    mfa::require_for_settings(ctx, SOURCE).await?;
    let is_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if wanted.slug.is_empty() || wanted.slug.len() > MAX_SLUG || !wanted.slug.chars().all(is_slug) {
        return Err(ApiError::field(
            SOURCE,
            "slug",
            format!("slug has 1 to {MAX_SLUG} lower-case letters, digits and -."),
        ));
    }
    check_text(SOURCE, "issuer", &wanted.issuer, MAX_ISSUER)?;
    check_issuer(ctx, &wanted.issuer).await?;
    let unit = ctx.begin().await?;
    let settings = settings::checked(&ctx.app, &unit, wanted, None, None, true).await?;
    let federation = unit.tenant().federation();
    let created = federation.create_provider(&wanted.slug, settings).await;
    let row = created.map_err(|error| match error {
        StoreError::Conflict(_) => ApiError::conflict(
            "There is an identity provider of this slug already; choose another one.",
        ),
        other => other.into(),
    })?;
    unit.audit(record(ctx, &row, "create", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    Ok(row)
}

async fn check_issuer(ctx: &Ctx, issuer: &str) -> ApiResult<()> {
    let refuse = |error: OidcError| ApiError::field(SOURCE, "issuer", format!("issuer: {error}."));
    let metadata = ctx.app.issuers.metadata(issuer).await.map_err(refuse)?;
    metadata.check_sign_in().map_err(refuse)
}

/// Changes a provider to what `members` say of it. Issuer and slug stay: links of people
/// are about them.
pub(super) async fn change(
    ctx: &Ctx,
    id: ProviderId,
    members: &Map<String, Value>,
) -> ApiResult<identity_provider::Model> {
    let row = find(ctx, id).await?;
    mfa::require_for_settings(ctx, SOURCE).await?;
    let enabled = Document::new(members, SOURCE)
        .flag("enabled")?
        .unwrap_or(row.enabled);
    let mut document = serde_json::to_value(settings::of(&row)).map_err(ApiError::internal)?;
    for (name, value) in members {
        let stays = matches!(name.as_str(), "slug" | "issuer") || value.is_null();
        if let (Some(known), false) = (document.as_object_mut(), stays) {
            known.insert(name.clone(), value.clone());
        }
    }
    let wanted: CreateIdentityProvider = serde_json::from_value(document).map_err(|error| {
        ApiError::invalid(SOURCE, format!("The document cannot be read: {error}."))
    })?;
    let removes_secret = members.get("client_secret").and_then(Value::as_str) == Some("");
    let secret = row.sealed_secret.clone().filter(|_| !removes_secret);
    let unit = ctx.begin().await?;
    let checked = settings::checked(&ctx.app, &unit, &wanted, Some(&row), secret, enabled);
    let settings = checked.await?;
    let federation = unit.tenant().federation();
    let changed = federation.change_provider(row, settings).await?;
    unit.audit(record(ctx, &changed, "update", StatusCode::OK))
        .await?;
    unit.commit().await?;
    Ok(changed)
}

/// Deletes a provider with all links to it. Accounts and logins stay.
pub(super) async fn delete(ctx: &Ctx, id: ProviderId) -> ApiResult<()> {
    let row = find(ctx, id).await?;
    let unit = ctx.begin().await?;
    unit.tenant().federation().delete_provider(id).await?;
    unit.audit(record(ctx, &row, "delete", StatusCode::NO_CONTENT))
        .await?;
    Ok(unit.commit().await?)
}

/// A provider as those who manage it see it: without its secret.
pub(super) fn view(ctx: &Ctx, row: &identity_provider::Model) -> IdentityProvider {
    let settings = settings::of(row);
    IdentityProvider {
        id: ProviderId(row.id),
        slug: settings.slug,
        name: settings.name,
        issuer: settings.issuer,
        client_id: settings.client_id,
        has_secret: row.sealed_secret.is_some(),
        redirect_uri: redirect_uri(&ctx.base_url, &row.slug),
        scopes: settings.scopes,
        email_domains: settings.email_domains,
        link_by_email: settings.link_by_email,
        provision: settings.provision,
        default_groups: settings.default_groups,
        group_claim: settings.group_claim,
        group_map: settings.group_map,
        mfa_values: settings.mfa_values,
        enabled: row.enabled,
        updated_at: Some(row.updated_at),
    }
}

pub(super) fn record(
    ctx: &Ctx,
    row: &identity_provider::Model,
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
        description: format!("{action} identity provider {}", row.slug),
        data: json!({
            "issuer": row.issuer, "client_id": row.client_id, "enabled": row.enabled,
            "email_domains": row.email_domains, "link_by_email": row.link_by_email,
            "provision": row.provision, "default_groups": row.default_groups,
            "group_claim": row.group_claim, "group_map": row.group_map,
            "mfa_values": row.mfa_values,
        }),
    }
}
