//! Where notifications go: made and changed by superusers, logged in.

use http::StatusCode;
use protocol::id::{UserId, WebhookId};
use protocol::notification::{CreateWebhook, Webhook, provider};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::StoreError;
use store::audit::AuditRecord;
use store::entity::webhook;
use store::webhooks::WebhookValues;

use super::SOURCE;
use crate::app::App;
use crate::crypto::token::{self, Token};
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx, Document};
use crate::identity::summary::Summaries;

/// What webhooks are sealed for.
const PURPOSE: &str = "webhook";
/// Longest name, characters.
const MAX_NAME: usize = 128;
/// Longest secret, characters.
const MAX_SECRET: usize = 512;
/// Webhooks of a workspace.
const MAX_WEBHOOKS: u64 = 100;

/// What of a webhook is sealed: whoever knows the URL of a chat can post there.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) secret: Option<String>,
}

impl Target {
    pub(super) fn open(app: &App, row: &webhook::Model) -> ApiResult<Self> {
        let sealed = row.sealed.as_deref().unwrap_or_default();
        let plain = app.keys.sealing.open(PURPOSE, sealed);
        serde_json::from_slice(&plain.map_err(ApiError::internal)?).map_err(ApiError::internal)
    }

    fn seal(&self, app: &App) -> ApiResult<Vec<u8>> {
        let plain = serde_json::to_vec(self).map_err(ApiError::internal)?;
        let sealed = app.keys.sealing.seal(PURPOSE, &plain);
        sealed.map_err(ApiError::internal)
    }
}

/// Refuses all but superusers who are logged in: a token must not decide who may answer
/// for people.
pub(super) fn manager(ctx: &Ctx) -> ApiResult<UserId> {
    ctx.principal.require_superuser()?;
    if !ctx.principal.is_interactive() {
        return Err(ApiError::forbidden(
            "A token cannot see or change where notifications go; log in first: alpacon login",
        ));
    }
    Ok(UserId(ctx.principal.require_user()?.id))
}

pub(super) async fn find(ctx: &Ctx, id: WebhookId) -> ApiResult<webhook::Model> {
    let found = ctx.tenant().webhooks().find(id).await?;
    found.ok_or_else(ApiError::not_found)
}

/// What a request wants a webhook to be.
struct Wanted {
    name: String,
    provider: String,
    enabled: bool,
    owner: Option<UserId>,
    target: Target,
}

/// Creates a webhook. A secret made here is in the answer and nowhere else.
pub(super) async fn create(ctx: &Ctx, request: CreateWebhook) -> ApiResult<Webhook> {
    let me = manager(ctx)?;
    if request.ssl_verify == Some(false) {
        return Err(always_verified());
    }
    let owner = request.owner.filter(|id| !id.is_nil()).unwrap_or(me);
    check_owner(ctx, owner).await?;
    let paging = store::Paging { page: 1, size: 1 };
    let (_, count) = ctx.tenant().webhooks().list(None, paging).await?;
    if count >= MAX_WEBHOOKS {
        return Err(ApiError::conflict(
            "There are too many webhooks; delete some first.",
        ));
    }
    let given = request.secret.filter(|secret| !secret.is_empty());
    let made = match (&given, request.provider.as_str()) {
        (None, provider::CUSTOM) => Some(Token::generate(token::WEBHOOK)?.reveal().to_owned()),
        _ => None,
    };
    let wanted = Wanted {
        name: request.name.trim().to_owned(),
        provider: request.provider,
        enabled: request.enabled.unwrap_or(true),
        owner: Some(owner),
        target: Target {
            url: request.url.trim().to_owned(),
            secret: given.or_else(|| made.clone()),
        },
    };
    check(ctx, &wanted)?;
    let id = WebhookId::new();
    let unit = ctx.begin().await?;
    let values = values(ctx, &wanted)?;
    let row = unit.tenant().webhooks().create(id, values).await;
    let row = row.map_err(named_twice)?;
    unit.audit(record(ctx, id, &wanted, "create", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    Ok(Webhook {
        secret: made,
        ..view(ctx, &row).await?
    })
}

/// Changes a webhook to what `document` says of it.
pub(super) async fn change(
    ctx: &Ctx,
    id: WebhookId,
    document: &Map<String, Value>,
) -> ApiResult<Webhook> {
    manager(ctx)?;
    let row = find(ctx, id).await?;
    let before = Target::open(&ctx.app, &row)?;
    let document = Document::new(document, SOURCE);
    if document.flag("ssl_verify")? == Some(false) {
        return Err(always_verified());
    }
    let owner = document.id("owner")?.map(UserId);
    if let Some(owner) = owner.filter(|owner| Some(owner.0) != row.owner_id) {
        check_owner(ctx, owner).await?;
    }
    let secret = match document.text("secret", MAX_SECRET)? {
        None => before.secret.clone(),
        Some(secret) => Some(secret).filter(|secret| !secret.is_empty()),
    };
    let wanted = Wanted {
        name: document.text("name", MAX_NAME)?.unwrap_or(row.name),
        provider: document.text("provider", 16)?.unwrap_or(row.provider),
        enabled: document.flag("enabled")?.unwrap_or(row.enabled),
        owner: owner.or(row.owner_id.map(UserId)),
        target: Target {
            url: document.text("url", 2048)?.unwrap_or(before.url),
            secret,
        },
    };
    check(ctx, &wanted)?;
    let unit = ctx.begin().await?;
    let values = values(ctx, &wanted)?;
    let stored = unit.tenant().webhooks().replace(id, values).await;
    stored.map_err(named_twice)?;
    unit.audit(record(ctx, id, &wanted, "update", StatusCode::OK))
        .await?;
    unit.commit().await?;
    let row = find(ctx, id).await?;
    view(ctx, &row).await
}

pub(super) async fn delete(ctx: &Ctx, id: WebhookId) -> ApiResult<()> {
    manager(ctx)?;
    let row = find(ctx, id).await?;
    let unit = ctx.begin().await?;
    unit.tenant().webhooks().delete(id).await?;
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "webhook",
        object_id: Some(id.0),
        action: "delete",
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: format!("delete webhook {}", row.name),
        data: json!({}),
    })
    .await?;
    Ok(unit.commit().await?)
}

/// A webhook as superusers see it: without its secret.
pub(super) async fn view(ctx: &Ctx, row: &webhook::Model) -> ApiResult<Webhook> {
    let target = Target::open(&ctx.app, row)?;
    let id = WebhookId(row.id);
    let last = ctx.tenant().deliveries().last_ended(id).await?;
    let summaries = Summaries::read(ctx, row.owner_id, []).await?;
    Ok(Webhook {
        id,
        name: row.name.clone(),
        url: target.url,
        provider: row.provider.clone(),
        ssl_verify: true,
        enabled: row.enabled,
        owner: summaries.user(row.owner_id),
        added_at: Some(row.added_at),
        updated_at: Some(row.updated_at),
        has_secret: target.secret.is_some(),
        secret: None,
        last_error: last.and_then(|delivery| delivery.last_error),
    })
}

fn always_verified() -> ApiError {
    ApiError::field(
        SOURCE,
        "ssl_verify",
        "Certificates are always verified; let this server's system trust the receiver's CA.",
    )
}

async fn check_owner(ctx: &Ctx, owner: UserId) -> ApiResult<()> {
    let found = ctx.tenant().identity().user(owner).await?;
    found
        .map(|_| ())
        .ok_or_else(|| ApiError::field(SOURCE, "owner", "The owner does not exist."))
}

fn check(ctx: &Ctx, wanted: &Wanted) -> ApiResult<()> {
    if wanted.name.is_empty() {
        return Err(ApiError::missing(SOURCE, "name"));
    }
    check_text(SOURCE, "name", &wanted.name, MAX_NAME)?;
    if !provider::ALL.contains(&wanted.provider.as_str()) {
        let known = provider::ALL.join(", ");
        let detail = format!("provider must be one of {known}.");
        return Err(ApiError::field(SOURCE, "provider", detail));
    }
    if let Err(why) = ctx.app.outbound.addresses.check(&wanted.target.url) {
        return Err(ApiError::field(SOURCE, "url", format!("The URL {why}.")));
    }
    let Some(secret) = &wanted.target.secret else {
        return Ok(());
    };
    if secret.chars().count() > MAX_SECRET || secret.chars().any(char::is_control) {
        let detail = format!("A secret has at most {MAX_SECRET} printable characters.");
        return Err(ApiError::field(SOURCE, "secret", detail));
    }
    Ok(())
}

fn values(ctx: &Ctx, wanted: &Wanted) -> ApiResult<WebhookValues> {
    Ok(WebhookValues {
        name: wanted.name.clone(),
        provider: wanted.provider.clone(),
        sealed: wanted.target.seal(&ctx.app)?,
        enabled: wanted.enabled,
        owner: wanted.owner,
    })
}

fn named_twice(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict(_) => {
            ApiError::conflict("There is a webhook of this name already; choose another one.")
        }
        other => other.into(),
    }
}

fn record(
    ctx: &Ctx,
    id: WebhookId,
    wanted: &Wanted,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    let host = url::Url::parse(&wanted.target.url).ok();
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "webhook",
        object_id: Some(id.0),
        action,
        status_code: status.as_u16(),
        description: format!("{action} webhook {}", wanted.name),
        // The path of a URL may be all that protects a chat.
        data: json!({
            "provider": wanted.provider,
            "host": host.as_ref().and_then(url::Url::host_str),
            "enabled": wanted.enabled,
            "owner": wanted.owner,
            "has_secret": wanted.target.secret.is_some(),
        }),
    }
}
