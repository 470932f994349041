//! Asking: a request and the record of it.

use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use http::StatusCode;
use protocol::event;
use protocol::id::{ApprovalId, CommandId, ServerId, UserId, WorkSessionId};
use serde_json::{Value, json};
use store::approvals::NewApproval;
use store::audit::{Actor, AuditRecord};
use store::entity::approval_request;
use store::{Unit, now};

use super::{Reviewers, SOURCE, notify, reviewer};
use crate::http::{ApiError, ApiResult, PublicCtx};

/// Requests that one user may have waiting.
const MAX_PENDING: u64 = 100;
/// Longest summary, characters.
const MAX_SUMMARY: usize = 500;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct NewRequest {
    pub(crate) id: ApprovalId,
    /// See [`protocol::approval::kind`].
    pub(crate) kind: &'static str,
    /// One line for people.
    pub(crate) summary: String,
    /// Why, in the requester's words.
    pub(crate) description: String,
    /// Exactly what is approved.
    pub(crate) content: Value,
    pub(crate) requested_by: UserId,
    pub(crate) server: Option<ServerId>,
    pub(crate) work_session: Option<WorkSessionId>,
    pub(crate) command: Option<CommandId>,
    /// Who decides.
    pub(crate) reviewers: Reviewers,
    /// When its subject ends, at the latest.
    pub(crate) ends_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// SHA-256 of what is approved, hex: approvals are for exactly this.
pub(crate) fn content_hash(content: &Value) -> String {
    chain::hex_encode(digest(&SHA256, content.to_string().as_bytes()).as_ref())
}

/// Refuses a user who has too much waiting.
pub(crate) async fn check_room(ctx: &PublicCtx, user: UserId) -> ApiResult<()> {
    if ctx.tenant().approvals().count_pending_by(user).await? < MAX_PENDING {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many of your requests wait for a reviewer; cancel some: alpacon approval ls --my",
    )
    .retry_after(60))
}

/// Stores a request with its record, in the transaction of its subject.
pub(crate) async fn add(
    ctx: &PublicCtx,
    unit: &Unit,
    actor: Actor,
    request: NewRequest,
) -> ApiResult<approval_request::Model> {
    let settings = &ctx.workspace.settings;
    let time = now();
    let expires_at = time + TimeDelta::seconds(settings.approval_ttl);
    let expires_at = request
        .ends_at
        .map_or(expires_at, |ends| ends.min(expires_at));
    let content_hash = content_hash(&request.content);
    let row = unit
        .tenant()
        .approvals()
        .create(NewApproval {
            id: request.id,
            request_type: request.kind,
            summary: request.summary.chars().take(MAX_SUMMARY).collect(),
            description: request.description,
            content: request.content,
            content_hash,
            requested_by: Some(request.requested_by),
            server: request.server,
            work_session: request.work_session,
            command: request.command,
            needed: request.reviewers.needed,
            expires_at,
        })
        .await?;
    let groups = &request.reviewers.groups;
    let id = ApprovalId(row.id);
    unit.tenant().reviewers().set(id, groups).await?;
    unit.audit(AuditRecord {
        description: format!("{} asked for approval: {}", actor.name, row.summary),
        actor,
        ip: ctx.ip.to_string(),
        app: SOURCE,
        model: "approval_request",
        object_id: Some(row.id),
        action: "create",
        status_code: StatusCode::CREATED.as_u16(),
        data: json!({
            "request_type": row.request_type,
            "content": row.content,
            "content_hash": row.content_hash,
            "needed": row.needed,
            "reviewer_groups": groups,
            "rule": request.reviewers.rule,
            "expires_at": row.expires_at,
        }),
    })
    .await?;
    notify::queue(ctx, unit, &row).await?;
    Ok(row)
}

/// Tells the requester, and everybody who may decide.
pub(crate) async fn announce(ctx: &PublicCtx, row: &approval_request::Model, sub_type: &str) {
    ctx.app.outbound.wake();
    ctx.app.mailer.wake();
    let mut listeners: Vec<_> = match reviewer::of(ctx, row).await {
        Ok(reviewers) => reviewers.into_iter().map(|user| user.id).collect(),
        Err(error) => {
            tracing::warn!(detail = error.detail, "reviewers were not told");
            Vec::new()
        }
    };
    listeners.extend(row.requested_by);
    listeners.sort_unstable();
    listeners.dedup();
    let payload = json!({
        "category": "approval",
        "sub_type": sub_type,
        "data": {
            "id": row.id,
            "request_type": row.request_type,
            "status": row.status,
            "summary": row.summary,
        },
        "ts": now(),
    });
    for listener in listeners {
        ctx.app.events.publish(
            ctx.workspace.id,
            event::NOTIFICATION,
            Some(listener),
            &payload,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_request() {
        let one = content_hash(&json!({"line": "rm -rf /srv/a", "env": ["A"]}));
        assert_eq!(one.len(), 64);
        assert_eq!(
            one,
            content_hash(&json!({"line": "rm -rf /srv/a", "env": ["A"]}))
        );
        for other in [
            json!({"line": "rm -rf /srv/b", "env": ["A"]}),
            json!({"line": "rm -rf /srv/a", "env": ["B"]}),
            json!({"line": "rm -rf /srv/a"}),
        ] {
            assert_ne!(one, content_hash(&other));
        }
    }
}
