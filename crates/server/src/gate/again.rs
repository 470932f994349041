//! The gate once more, for a command that waited: for a reviewer, its time or its agent.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ::guardrail::Detail;
use judge::Plan;
use judge::risk::RiskActions;
use protocol::id::{CommandId, ServerId, TokenId, UserId, WorkSessionId};
use serde_json::json;
use store::entity::command;

use super::guardrail::{check_guardrails, hold_for, unapproved};
use super::{Grant, Judged, Operation, Target, authorize, judge_command, record_refusal};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::identity;

/// Judges a command by what its requester may do now: their rights, the token's rules, the
/// session and the guardrails may have been narrowed while it waited. Risk and presence were settled
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
        public: PublicCtx {
            ip: origin(row),
            ..ctx.clone()
        },
        principal,
    };
    let target = Target {
        server: ServerId(row.server_id),
        username: &row.username,
        groupname: &row.groupname,
        work_session: row.work_session_id.map(WorkSessionId),
    };
    let grant = authorize(&ctx, Operation::Command, target.clone()).await?;
    let judged = Box::pin(judge_granted(&ctx, &grant, row, env)).await;
    if let Err(refusal) = &judged {
        let data = json!({"command": row.id, "line": row.line, "session": row.work_session_id});
        record_refusal(&ctx, Operation::Command, target.server, refusal, data).await;
    }
    judged
}

async fn judge_granted(
    ctx: &Ctx,
    grant: &Grant,
    row: &command::Model,
    env: &BTreeMap<String, String>,
) -> ApiResult<Judged> {
    let plan = Plan::read(&row.line);
    let mut judged = judge_command(grant, &plan, env, RiskActions::default())?;
    let detail = Detail::Command {
        line: &row.line,
        plan: &plan,
        env: env.keys().cloned().collect(),
    };
    if let Some(decided) = check_guardrails(ctx, grant, detail).await? {
        // A reviewer saw exactly this command, or must now.
        let approvals = ctx.tenant().approvals();
        if !approvals.is_approved(CommandId(row.id)).await? {
            return Err(unapproved(&decided));
        }
        hold_for(decided, &mut judged);
    }
    Ok(judged)
}

/// Where the command was asked for from. An address that is not known is in no range.
fn origin(row: &command::Model) -> IpAddr {
    let recorded = row.remote_ip.as_deref().and_then(|ip| ip.parse().ok());
    recorded.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
