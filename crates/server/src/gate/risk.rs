//! What the workspace does at each risk for a caller (`judgment.md` §5).

use judge::Plan;
use judge::risk::{self, Action, Requester, Risk, RiskActions};
use protocol::id::UserId;
use protocol::work_session::{REQUESTER_AGENT, REQUESTER_USER};

use super::{Grant, Operation};
use crate::approvals::{self, Reviewers, Ruling};
use crate::http::{ApiResult, Ctx, PublicCtx};
use crate::workspace::Facts;

/// What the rules about approvals say of a command.
pub(crate) async fn command_ruling(
    ctx: &Ctx,
    grant: &Grant,
    plan: &Plan,
) -> ApiResult<Option<Ruling>> {
    let scopes = [Operation::Command.scope().to_owned()];
    let facts = Facts {
        requester_type: match is_by_agent(ctx, grant) {
            true => REQUESTER_AGENT,
            false => REQUESTER_USER,
        },
        scopes: &scopes,
        servers: vec![&grant.server.tags],
        risk: Some(risk::of(plan)),
    };
    approvals::ruling(ctx, &facts).await
}

fn is_by_agent(ctx: &Ctx, grant: &Grant) -> bool {
    !ctx.principal.is_interactive()
        || grant
            .session
            .as_ref()
            .is_some_and(|session| session.requester_type == REQUESTER_AGENT)
}

/// The workspace's own settings, or the defaults, which depend on whether anybody
/// could approve: asked of the database only where the plan's risk makes it matter.
/// A rule that dispenses with approvals leaves nothing held for its risk; what is denied
/// stays denied.
pub(crate) async fn risk_actions(
    ctx: &Ctx,
    grant: &Grant,
    plan: &Plan,
    ruling: Option<&Ruling>,
) -> ApiResult<RiskActions> {
    let requester = if is_by_agent(ctx, grant) {
        Requester::Agent
    } else {
        Requester::Human
    };
    let actions = actions_of(ctx, requester, ctx.principal.user_id(), plan, ruling).await?;
    Ok(match ruling {
        Some(Ruling::NotRequired) => without_holds(actions),
        Some(Ruling::Required(_)) | None => actions,
    })
}

/// The same for what `user` asks as `requester`, before a rule dispenses with anything.
pub(super) async fn actions_of(
    ctx: &PublicCtx,
    requester: Requester,
    user: Option<UserId>,
    plan: &Plan,
    ruling: Option<&Ruling>,
) -> ApiResult<RiskActions> {
    let settings = &ctx.workspace.settings;
    let configured = match requester {
        Requester::Agent | Requester::Ci => settings.risk_of_agents,
        Requester::Human => settings.risk_of_people,
    };
    if let Some(actions) = configured {
        return Ok(actions);
    }
    if risk::of(plan) < Risk::High {
        return Ok(RiskActions::default());
    }
    let reviewed = match ruling {
        Some(Ruling::NotRequired) => true,
        Some(Ruling::Required(reviewers)) => approvals::could_review(ctx, user, reviewers).await?,
        None => approvals::could_review(ctx, user, &Reviewers::usual(ctx)).await?,
    };
    Ok(RiskActions::defaults(requester, reviewed))
}

fn without_holds(actions: RiskActions) -> RiskActions {
    let unheld = |action| match action {
        Action::Hold => Action::Allow,
        other => other,
    };
    RiskActions {
        low: unheld(actions.low),
        medium: unheld(actions.medium),
        high: unheld(actions.high),
        critical: unheld(actions.critical),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispensing_never_allows_what_is_denied() {
        let actions = RiskActions {
            low: Action::Allow,
            medium: Action::AllowAndNotify,
            high: Action::Hold,
            critical: Action::Deny,
        };
        let left = without_holds(actions);
        assert_eq!(left.high, Action::Allow);
        assert_eq!(left.critical, Action::Deny);
        assert_eq!((left.low, left.medium), (actions.low, actions.medium));
    }
}
