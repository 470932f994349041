//! Who people are in a chat. Everybody says so of themselves only: nobody makes somebody
//! else a reviewer's voice.

use http::StatusCode;
use protocol::id::{ChatIdentityId, WebhookId};
use protocol::notification::{ChatIdentity, CreateChatIdentity};
use serde_json::json;
use store::audit::AuditRecord;
use store::entity::chat_identity;
use store::{Paging, StoreError};

use super::{SOURCE, webhook};
use crate::http::{ApiError, ApiResult, Ctx};
use crate::identity::summary::Summaries;

/// Longest id, characters.
const MAX_ID: usize = 200;

/// Says who the caller is in the chat behind a webhook.
pub(super) async fn create(
    ctx: &Ctx,
    id: WebhookId,
    request: &CreateChatIdentity,
) -> ApiResult<ChatIdentity> {
    let me = webhook::manager(ctx)?;
    webhook::find(ctx, id).await?;
    let external_id = request.external_id.trim();
    check(external_id)?;
    let unit = ctx.begin().await?;
    let webhooks = unit.tenant().webhooks();
    let row = webhooks.add_identity(id, external_id, me).await;
    let row = row.map_err(|error| match error {
        StoreError::Conflict(_) => ApiError::conflict(
            "Somebody said already that they are this one; delete that entry first.",
        ),
        other => other.into(),
    })?;
    unit.audit(record(ctx, &row, "create", StatusCode::CREATED))
        .await?;
    unit.commit().await?;
    view(ctx, &[row])
        .await?
        .pop()
        .ok_or_else(ApiError::not_found)
}

fn check(external_id: &str) -> ApiResult<()> {
    let parts: Vec<&str> = external_id.split('/').collect();
    let is_word = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if parts.len() == 2 && parts.iter().all(is_word) && external_id.len() <= MAX_ID {
        return Ok(());
    }
    Err(ApiError::field(
        SOURCE,
        "external_id",
        "external_id must be TEAM/USER for Slack, such as T024BE7LD/U2147483697, and \
         TENANT/OBJECT for Teams.",
    ))
}

pub(super) async fn list(
    ctx: &Ctx,
    id: WebhookId,
    paging: Paging,
) -> ApiResult<(Vec<ChatIdentity>, u64)> {
    webhook::manager(ctx)?;
    webhook::find(ctx, id).await?;
    let (rows, count) = ctx.tenant().webhooks().identities(id, paging).await?;
    Ok((view(ctx, &rows).await?, count))
}

pub(super) async fn delete(ctx: &Ctx, id: WebhookId, identity: ChatIdentityId) -> ApiResult<()> {
    webhook::manager(ctx)?;
    webhook::find(ctx, id).await?;
    let unit = ctx.begin().await?;
    if !unit
        .tenant()
        .webhooks()
        .delete_identity(id, identity)
        .await?
    {
        return Err(ApiError::not_found());
    }
    unit.audit(AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "chat_identity",
        object_id: Some(identity.0),
        action: "delete",
        status_code: StatusCode::NO_CONTENT.as_u16(),
        description: "delete who somebody is in a chat".to_owned(),
        data: json!({"webhook": id}),
    })
    .await?;
    Ok(unit.commit().await?)
}

fn record(
    ctx: &Ctx,
    row: &chat_identity::Model,
    action: &'static str,
    status: StatusCode,
) -> AuditRecord {
    AuditRecord {
        actor: ctx.principal.actor(),
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "chat_identity",
        object_id: Some(row.id),
        action,
        status_code: status.as_u16(),
        description: format!("is {} in a chat", row.external_id),
        data: json!({
            "webhook": row.webhook_id,
            "external_id": row.external_id,
            "user": row.user_id,
        }),
    }
}

async fn view(ctx: &Ctx, rows: &[chat_identity::Model]) -> ApiResult<Vec<ChatIdentity>> {
    let users = rows.iter().map(|row| row.user_id);
    let summaries = Summaries::read(ctx, users, []).await?;
    let one = |row: &chat_identity::Model| ChatIdentity {
        id: ChatIdentityId(row.id),
        external_id: row.external_id.clone(),
        user: summaries.user(Some(row.user_id)),
        added_at: Some(row.added_at),
    };
    Ok(rows.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_two_parts() {
        assert!(check("T024BE7LD/U2147483697").is_ok());
        let teams = "6a1f3c2e-0000-4000-8000-1234567890ab/6a1f3c2e-0000-4000-8000-000000000001";
        assert!(check(teams).is_ok());
        for text in ["", "U1", "/U1", "T1/", "T1/U1/X", "T1/U 1", "T1/Ü"] {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
