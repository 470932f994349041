//! Telling reviewers of a request, and of what became of it.

use http::StatusCode;
use protocol::approval::Status;
use protocol::id::ApprovalId;
use protocol::notification::{Fact, Notification};
use serde_json::json;
use store::entity::approval_request;
use store::{Unit, now};

use super::{facts, pages};
use crate::http::{ApiResult, PublicCtx};
use crate::identity::summary::Summaries;
use crate::mail::Message;
use crate::notifications;

/// Queues what is told of a request, in the unit of its change.
///
/// # Errors
/// When the database cannot be used.
pub(super) async fn queue(
    ctx: &PublicCtx,
    unit: &Unit,
    row: &approval_request::Model,
) -> ApiResult<()> {
    let notification = describe(ctx, unit, row).await?;
    notifications::queue(ctx, unit, &notification).await?;
    if row.status == Status::Pending.as_str() {
        mail(ctx, unit, row, &notification).await?;
    }
    Ok(())
}

async fn describe(
    ctx: &PublicCtx,
    unit: &Unit,
    row: &approval_request::Model,
) -> ApiResult<Notification> {
    let users = row.requested_by.into_iter().chain(row.reviewed_by);
    let summaries = Summaries::read_from(unit.tenant(), users, []).await?;
    let name = |id| {
        summaries
            .user(id)
            .map_or_else(|| "nobody".to_owned(), |user| user.name)
    };
    let title = match (row.status.as_str(), row.reviewed_by) {
        ("pending", _) => format!(
            "{} asks for approval: {}",
            name(row.requested_by),
            row.summary
        ),
        (status, Some(_)) => format!("{status} by {}: {}", name(row.reviewed_by), row.summary),
        (status, None) => format!("{status}: {}", row.summary),
    };
    let mut shown: Vec<Fact> = Vec::new();
    if !row.description.is_empty() {
        shown.push(Fact {
            name: "Why".to_owned(),
            value: facts::visible(&row.description),
        });
    }
    let facts = facts::of(unit.tenant(), row).await?;
    shown.extend(facts.into_iter().map(|(name, value)| Fact {
        name: name.to_owned(),
        value,
    }));
    Ok(Notification {
        event: format!("approval.{}", row.status),
        title: facts::visible(&title),
        timestamp: now(),
        workspace: ctx.workspace.name.clone(),
        facts: shown,
        // Only the configured address: that of the request is what its caller chose.
        link: ctx
            .workspace
            .public_url(&ctx.app.config)
            .map(|url| format!("{url}{}", pages::path(ApprovalId(row.id)))),
        object: json!({
            "id": row.id,
            "request_type": row.request_type,
            "status": row.status,
            "summary": row.summary,
            "requested_by": row.requested_by,
            "reviewed_by": row.reviewed_by,
            "reason": row.reason,
            "needed": row.needed,
            "content": row.content,
            "content_hash": row.content_hash,
            "expires_at": row.expires_at,
        }),
    })
}

/// A mail to every reviewer who could decide.
async fn mail(
    ctx: &PublicCtx,
    unit: &Unit,
    row: &approval_request::Model,
    notification: &Notification,
) -> ApiResult<()> {
    let Some(link) = &notification.link else {
        return Ok(());
    };
    if !ctx.app.mailer.is_configured() {
        return Ok(());
    }
    let mut before = vec![notification.title.clone()];
    let facts = notification.facts.iter();
    before.extend(facts.map(|fact| format!("{}: {}", fact.name, fact.value)));
    let message = Message {
        subject: format!("A request waits for approval in {}", ctx.workspace.name),
        before,
        link: link.clone(),
        action: "Read it and decide".to_owned(),
        after: vec!["You get this because you may decide about requests.".to_owned()],
    };
    let own = !ctx.workspace.settings.allow_self_approval;
    // Asked inside the unit: the groups of the request are not durable yet.
    let groups = unit
        .tenant()
        .reviewers()
        .groups_of(ApprovalId(row.id))
        .await?;
    let reviewers = match groups.as_slice() {
        [] => unit.tenant().identity().superusers().await?,
        groups => unit.tenant().reviewers().members(groups).await?,
    };
    for reviewer in reviewers {
        if reviewer.email.is_empty() || (own && Some(reviewer.id) == row.requested_by) {
            continue;
        }
        let recipient = &reviewer.email;
        let mailer = &ctx.app.mailer;
        let queued = mailer
            .queue(ctx, unit, "approval", recipient, &message, row.expires_at)
            .await;
        match queued {
            // The request itself is what counts.
            Err(error) if error.status == StatusCode::TOO_MANY_REQUESTS => {
                tracing::warn!("too many mails wait; a reviewer is not told by mail");
                return Ok(());
            }
            other => other?,
        }
    }
    Ok(())
}
