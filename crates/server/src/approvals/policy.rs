//! Whether an approval is needed, and whose: the workspace's rules about approvals.

use protocol::id::UserId;
use store::Viewer;
use store::entity::server;
use uuid::Uuid;

use super::{SOURCE, reviewer};
use crate::http::{ApiError, ApiResult, Ctx, PublicCtx};
use crate::workspace::{ApprovalRule, Facts, Need, deciding};

/// Who decides about a request, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reviewers {
    /// Approvals it takes.
    pub(crate) needed: i64,
    /// Groups whose members decide; empty: superusers do.
    pub(crate) groups: Vec<Uuid>,
    /// The rule that says so.
    pub(crate) rule: Option<String>,
}

/// What the rules of the workspace say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    Required(Reviewers),
    NotRequired,
}

impl Reviewers {
    /// As the settings say where no rule does.
    pub(crate) fn usual(ctx: &PublicCtx) -> Self {
        Self {
            needed: ctx.workspace.settings.approvals_needed,
            groups: Vec::new(),
            rule: None,
        }
    }

    /// Those of a rule. A group that is gone has no say; where none is left, superusers
    /// decide.
    async fn of(ctx: &PublicCtx, rule: &ApprovalRule) -> ApiResult<Self> {
        let groups = match rule.reviewers.as_slice() {
            [] => Vec::new(),
            names => ctx.tenant().reviewers().groups_named(names).await?,
        };
        Ok(Self {
            needed: (rule.needed).unwrap_or(ctx.workspace.settings.approvals_needed),
            groups: groups.into_iter().map(|group| group.id).collect(),
            rule: Some(rule.name.clone()),
        })
    }
}

/// What the first rule that matches says; none: no rule is about it.
pub(crate) async fn ruling(ctx: &PublicCtx, facts: &Facts<'_>) -> ApiResult<Option<Ruling>> {
    let Some(rule) = deciding(&ctx.workspace.settings.approval_rules, facts) else {
        return Ok(None);
    };
    Ok(Some(match rule.approval {
        Need::Required => Ruling::Required(Reviewers::of(ctx, rule).await?),
        Need::NotRequired => Ruling::NotRequired,
    }))
}

/// Who decides about what waits in any case.
pub(crate) async fn reviewers(ctx: &PublicCtx, facts: &Facts<'_>) -> ApiResult<Reviewers> {
    Ok(match ruling(ctx, facts).await? {
        Some(Ruling::Required(reviewers)) => reviewers,
        Some(Ruling::NotRequired) | None => Reviewers::usual(ctx),
    })
}

/// The servers of a session, for the rules about their tags; not read where there are no
/// rules.
pub(crate) async fn ruled_servers(
    ctx: &PublicCtx,
    servers: &[Uuid],
) -> ApiResult<Vec<server::Model>> {
    if ctx.workspace.settings.approval_rules.is_empty() {
        return Ok(Vec::new());
    }
    // All of them: also what the requester does not see any more.
    let ids = servers.iter().copied();
    Ok(ctx
        .tenant()
        .fleet()
        .find_all(Viewer::Everything, ids)
        .await?)
}

/// Refuses rules that name groups which do not exist.
pub(crate) async fn check_rules(ctx: &Ctx, rules: &[ApprovalRule]) -> ApiResult<()> {
    let mut names: Vec<String> = rules
        .iter()
        .flat_map(|rule| rule.reviewers.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    let known = ctx.tenant().reviewers().groups_named(&names).await?;
    let unknown = (names.iter()).find(|name| !known.iter().any(|group| group.name == **name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(ApiError::field(
            SOURCE,
            "approval_rules",
            format!("There is no group {name}; see: alpacon group ls"),
        )),
    }
}

/// Whether enough people could approve what `requester` asks.
pub(crate) async fn could_review(
    ctx: &PublicCtx,
    requester: Option<UserId>,
    reviewers: &Reviewers,
) -> ApiResult<bool> {
    let own = ctx.workspace.settings.allow_self_approval;
    let all = reviewer::all(ctx, &reviewers.groups).await?;
    let others = all
        .iter()
        .filter(|user| own || Some(user.id) != requester.map(|id| id.0));
    Ok(i64::try_from(others.count()).is_ok_and(|count| count >= reviewers.needed))
}
