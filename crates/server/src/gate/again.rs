//! The gate once more, for a command that waited: for a reviewer, its time or its agent.

use std::collections::BTreeMap;

use judge::Plan;
use judge::risk::RiskActions;
use protocol::id::{ServerId, TokenId, UserId, WorkSessionId};
use store::entity::command;

use super::{Judged, Operation, Target, authorize, judge_command};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::identity;

/// Judges a command by what its requester may do now: their rights, the token's rules and
/// the session may have been narrowed while it waited. Risk and presence were settled
/// when it was taken in.
///
/// # Errors
/// The refusal, recorded, or a failure of ours.
pub(crate) async fn judge_again(
    ctx: &PublicCtx,
    row: &command::Model,
    env: &BTreeMap<String, String>,
) -> ApiResult<Judged> {
    let user = row.requested_by.map(UserId);
    let principal = identity::requester(ctx, user, row.token_id.map(TokenId)).await?;
    let principal =
        principal.ok_or_else(|| ApiError::forbidden("Its requester may not work any more."))?;
    let ctx = Ctx {
        public: ctx.clone(),
        principal,
    };
    let target = Target {
        server: ServerId(row.server_id),
        username: &row.username,
        groupname: &row.groupname,
        work_session: row.work_session_id.map(WorkSessionId),
    };
    let grant = authorize(&ctx, Operation::Command, target).await?;
    judge_command(&grant, &Plan::read(&row.line), env, RiskActions::default())
}
