//! Links between people at a provider and users, as superusers manage them.

use http::StatusCode;
use protocol::federation::{FederatedIdentity, LinkIdentity};
use protocol::id::{FederatedIdentityId, ProviderId, UserId};
use serde_json::json;
use store::entity::federated_identity;
use store::federation::LinkRule;
use store::{Paging, StoreError};

use super::provider::{self, SOURCE};
use crate::http::document::check_text;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::mfa;

/// Longest `sub` (OpenID Connect Core 1.0 §2).
pub(super) const MAX_SUBJECT: usize = 255;

/// The links to a provider, oldest first.
pub(super) async fn list(
    ctx: &Ctx,
    provider: ProviderId,
    paging: Paging,
) -> ApiResult<(Vec<FederatedIdentity>, u64)> {
    provider::find(ctx, provider).await?;
    let federation = ctx.tenant().federation();
    let (rows, count) = federation.identities(provider, paging).await?;
    Ok((rows.iter().map(view).collect(), count))
}

/// Links somebody before their first sign-in.
pub(super) async fn link(
    ctx: &Ctx,
    provider: ProviderId,
    request: &LinkIdentity,
) -> ApiResult<FederatedIdentity> {
    let row = provider::find(ctx, provider).await?;
    mfa::require_for_settings(ctx, SOURCE).await?;
    if request.subject.is_empty() {
        return Err(ApiError::missing(SOURCE, "subject"));
    }
    check_text(SOURCE, "subject", &request.subject, MAX_SUBJECT)?;
    let unit = ctx.begin().await?;
    let user = unit.tenant().identity().user(request.user).await?;
    let user = user.ok_or_else(|| {
        ApiError::field(
            SOURCE,
            "user",
            "There is no such user; see: alpacon user ls",
        )
    })?;
    let federation = unit.tenant().federation();
    let known = federation.identity_of(provider, &request.subject).await?;
    let link = match known {
        // A rule linked them; now a superuser says that it is right.
        Some(link) if link.user_id == user.id && link.rule != LinkRule::Superuser.as_str() => {
            federation.confirm(link).await?
        }
        Some(_) => return Err(linked_already()),
        None => {
            let rule = LinkRule::Superuser;
            let linked = federation.link(provider, &request.subject, UserId(user.id), "", rule);
            linked.await.map_err(|error| match error {
                StoreError::Conflict(_) => linked_already(),
                other => other.into(),
            })?
        }
    };
    let mut record = provider::record(ctx, &row, "link", StatusCode::CREATED);
    record.description = format!(
        "linked {} to {} of {}",
        user.username, link.subject, row.slug
    );
    record.data = json!({"user": user.id, "subject": link.subject});
    unit.audit(record).await?;
    unit.commit().await?;
    Ok(view(&link))
}

/// Removes a link. The user's logins stay; they can be ended separately.
pub(super) async fn unlink(
    ctx: &Ctx,
    provider: ProviderId,
    id: FederatedIdentityId,
) -> ApiResult<()> {
    let row = provider::find(ctx, provider).await?;
    let unit = ctx.begin().await?;
    let federation = unit.tenant().federation();
    let link = federation.identity(id).await?;
    let link = link
        .filter(|link| link.provider_id == row.id)
        .ok_or_else(ApiError::not_found)?;
    federation.unlink(id).await?;
    let mut record = provider::record(ctx, &row, "unlink", StatusCode::NO_CONTENT);
    record.description = format!("removed the link of {} of {}", link.subject, row.slug);
    record.data = json!({"user": link.user_id, "subject": link.subject});
    unit.audit(record).await?;
    Ok(unit.commit().await?)
}

fn linked_already() -> ApiError {
    ApiError::conflict("This subject is linked already.")
}

fn view(row: &federated_identity::Model) -> FederatedIdentity {
    FederatedIdentity {
        id: FederatedIdentityId(row.id),
        subject: row.subject.clone(),
        user: UserId(row.user_id),
        email: row.email.clone(),
        last_login_at: row.last_login_at,
        rule: row.rule.clone(),
    }
}
