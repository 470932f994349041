//! Who may decide.

use http::StatusCode;
use protocol::id::{ApprovalId, UserId};
use store::entity::{approval_request, user};
use uuid::Uuid;

use crate::http::{ApiError, ApiResult, PublicCtx};

/// Active members of the groups; without groups, active superusers.
pub(super) async fn all(ctx: &PublicCtx, groups: &[Uuid]) -> ApiResult<Vec<user::Model>> {
    Ok(match groups {
        [] => ctx.tenant().identity().superusers().await?,
        groups => ctx.tenant().reviewers().members(groups).await?,
    })
}

/// Those who decide about a request.
pub(super) async fn of(
    ctx: &PublicCtx,
    request: &approval_request::Model,
) -> ApiResult<Vec<user::Model>> {
    let id = ApprovalId(request.id);
    let groups = ctx.tenant().reviewers().groups_of(id).await?;
    all(ctx, &groups).await
}

/// Refuses who may not decide about this request.
pub(super) async fn check(
    ctx: &PublicCtx,
    user: &user::Model,
    request: &approval_request::Model,
) -> ApiResult<()> {
    let reviewers = of(ctx, request).await?;
    if !reviewers.iter().any(|reviewer| reviewer.id == user.id) {
        // Superusers see everything that waits.
        return Err(match user.is_active && user.is_superuser {
            true => {
                ApiError::forbidden("Others decide about this: the members of its reviewer groups.")
            }
            false => ApiError::not_found(),
        });
    }
    if request.requested_by == Some(user.id) && !ctx.workspace.settings.allow_self_approval {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "Nobody decides about their own request; ask another reviewer.",
        ));
    }
    Ok(())
}

/// What somebody sees of the requests of others.
#[derive(Debug)]
pub(super) enum Sight {
    Everything,
    /// What members of these groups decide about.
    Groups(Vec<Uuid>),
}

/// The sight of a user; none: they review nothing.
pub(super) async fn sight(ctx: &PublicCtx, user: &user::Model) -> ApiResult<Option<Sight>> {
    if user.is_superuser {
        return Ok(Some(Sight::Everything));
    }
    let reviewers = ctx.tenant().reviewers();
    let groups = reviewers.memberships(UserId(user.id)).await?;
    let reviews = !groups.is_empty() && ctx.tenant().reviewers().is_any(&groups).await?;
    Ok(reviews.then_some(Sight::Groups(groups)))
}

impl Sight {
    /// Whether a request is in it.
    pub(super) async fn includes(&self, ctx: &PublicCtx, id: ApprovalId) -> ApiResult<bool> {
        match self {
            Self::Everything => Ok(true),
            Self::Groups(mine) => {
                let groups = ctx.tenant().reviewers().groups_of(id).await?;
                Ok(groups.iter().any(|group| mine.contains(group)))
            }
        }
    }
}
