//! What the workspace does at each risk for a caller (`judgment.md` §5).

use judge::Plan;
use judge::risk::{self, Requester, Risk, RiskActions};
use protocol::work_session::REQUESTER_AGENT;

use super::Grant;
use crate::approvals;
use crate::http::{ApiResult, Ctx};

/// The workspace's own settings, or the defaults, which depend on whether anybody
/// could approve: asked of the database only where the plan's risk makes it matter.
pub(crate) async fn risk_actions(ctx: &Ctx, grant: &Grant, plan: &Plan) -> ApiResult<RiskActions> {
    let by_agent = !ctx.principal.is_interactive()
        || grant
            .session
            .as_ref()
            .is_some_and(|session| session.requester_type == REQUESTER_AGENT);
    let settings = &ctx.workspace.settings;
    let (configured, requester) = if by_agent {
        (settings.risk_of_agents, Requester::Agent)
    } else {
        (settings.risk_of_people, Requester::Human)
    };
    if let Some(actions) = configured {
        return Ok(actions);
    }
    if risk::of(plan) < Risk::High {
        return Ok(RiskActions::default());
    }
    let reviewed = approvals::could_review(ctx, ctx.principal.user_id()).await?;
    Ok(RiskActions::defaults(requester, reviewed))
}
