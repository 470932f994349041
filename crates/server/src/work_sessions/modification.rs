//! Widening a session that was approved: a reviewer decides, then it applies.

use chrono::{DateTime, Utc};
use protocol::approval::kind;
use protocol::id::{ApprovalId, SudoPolicyId, UserId, WorkSessionId};
use protocol::work_session::SudoPolicy;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::entity::work_session;
use store::work_sessions::SessionChange;
use uuid::Uuid;

use super::view::read;
use crate::approvals::{self, NewRequest, Reviewers};
use crate::http::{ApiError, ApiResult, Ctx};

/// What a reviewer decides about; members that stay are absent.
#[derive(Debug, Serialize, Deserialize)]
struct Proposal {
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    servers: Option<Vec<Uuid>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sudo_policies: Option<Vec<SudoPolicy>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

/// Asks for `change`. The same change that waits already is not asked for twice.
pub(super) async fn ask(
    ctx: &Ctx,
    row: &work_session::Model,
    change: &SessionChange,
    reviewers: Reviewers,
) -> ApiResult<()> {
    let me = UserId(ctx.principal.require_user()?.id);
    if !approvals::could_review(ctx, Some(me), &reviewers).await? {
        return Err(ApiError::forbidden(
            "This change needs a reviewer, and this workspace has nobody who could be one.",
        ));
    }
    let proposal = Proposal {
        purpose: change.description.clone(),
        scopes: change.scopes.clone(),
        servers: change.servers.clone(),
        sudo_policies: match &change.sudo_policies {
            Some(policies) => Some(without_new_ids(row, policies)?),
            None => None,
        },
        expires_at: change.expires_at,
    };
    let mut content = serde_json::to_value(proposal).map_err(ApiError::internal)?;
    if let Some(members) = content.as_object_mut() {
        members.insert("session".to_owned(), json!(row.id));
    }
    let hash = approvals::content_hash(&content);
    let approvals = ctx.tenant().approvals();
    if approvals.standing(&hash, me, store::now()).await?.is_some() {
        return Ok(());
    }
    approvals::check_room(ctx, me).await?;
    let request = NewRequest {
        id: ApprovalId::new(),
        kind: kind::WORK_SESSION_MOD,
        summary: format!("change of the work session {}", name(row)),
        description: row.description.clone(),
        content,
        requested_by: me,
        reviewers,
        server: None,
        work_session: Some(WorkSessionId(row.id)),
        command: None,
        ends_at: Some(row.expires_at),
    };
    let unit = ctx.begin().await?;
    let asked = approvals::add(ctx, &unit, ctx.principal.actor(), request).await?;
    unit.commit().await?;
    approvals::announce(ctx, &asked, "pending").await;
    Ok(())
}

/// New policies get their id when they are approved: the same wish is the same request.
fn without_new_ids(
    row: &work_session::Model,
    policies: &[SudoPolicy],
) -> ApiResult<Vec<SudoPolicy>> {
    let held: Vec<SudoPolicy> = read(&row.sudo_policies)?;
    let held: Vec<_> = held.iter().filter_map(|policy| policy.id).collect();
    let mut policies = policies.to_vec();
    for policy in &mut policies {
        policy.id = policy.id.filter(|id| held.contains(id));
    }
    Ok(policies)
}

fn name(row: &work_session::Model) -> &str {
    match row.title.as_str() {
        "" => row.description.lines().next().unwrap_or_default(),
        title => title,
    }
}

/// The change of an approved request.
///
/// # Errors
/// When the stored content is not one; then nothing changes.
pub(crate) fn proposed_change(content: &Value) -> ApiResult<SessionChange> {
    let mut proposal: Proposal = serde_json::from_value(content.clone())
        .map_err(|_| ApiError::internal("unreadable content of a request"))?;
    for policy in proposal.sudo_policies.iter_mut().flatten() {
        policy.id.get_or_insert_with(SudoPolicyId::new);
    }
    Ok(SessionChange {
        description: proposal.purpose,
        scopes: proposal.scopes,
        servers: proposal.servers,
        sudo_policies: proposal.sudo_policies,
        expires_at: proposal.expires_at,
        ..SessionChange::default()
    })
}
