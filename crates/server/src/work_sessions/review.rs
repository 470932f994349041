//! Whether a session, or more of one, needs a reviewer, and whose.

use protocol::work_session::{REQUESTER_AGENT, Recommendation};
use store::entity::work_session;
use uuid::Uuid;

use super::view::read;
use crate::approvals::{self, Reviewers, Ruling};
use crate::http::{ApiResult, Ctx, PublicCtx};
use crate::workspace::{ApprovalPolicy, Facts};

/// What a session is to be.
pub(super) struct Shape<'a> {
    pub(super) requester_type: &'a str,
    pub(super) scopes: &'a [String],
    pub(super) servers: &'a [Uuid],
}

/// The reviewers it needs; none: it needs none. Rules come first, then the setting.
/// `guarded`: a guardrail wants one, whatever those say.
pub(super) async fn needed(
    ctx: &Ctx,
    shape: &Shape<'_>,
    guarded: bool,
) -> ApiResult<Option<Reviewers>> {
    let servers = approvals::ruled_servers(ctx, shape.servers).await?;
    let facts = Facts {
        requester_type: shape.requester_type,
        scopes: shape.scopes,
        servers: servers.iter().map(|server| &server.tags).collect(),
        risk: None,
    };
    Ok(match approvals::ruling(ctx, &facts).await? {
        Some(Ruling::Required(reviewers)) => Some(reviewers),
        Some(Ruling::NotRequired) if !guarded => None,
        None if !guarded && !is_usual(ctx, shape.requester_type) => None,
        Some(Ruling::NotRequired) | None => Some(Reviewers::usual(ctx)),
    })
}

/// Whether the setting asks for a reviewer.
fn is_usual(ctx: &Ctx, requester_type: &str) -> bool {
    match ctx.workspace.settings.work_session_approval {
        ApprovalPolicy::Never => false,
        // Whoever edits it: what an agent may do was approved.
        ApprovalPolicy::Agents => {
            requester_type == REQUESTER_AGENT || !ctx.principal.is_interactive()
        }
        ApprovalPolicy::NonSuperusers => !ctx.principal.is_superuser(),
        ApprovalPolicy::Always => true,
    }
}

/// What the rules that are about a session advise.
pub(super) async fn recommendations(
    ctx: &PublicCtx,
    row: &work_session::Model,
) -> ApiResult<Option<Vec<Recommendation>>> {
    let rules = &ctx.workspace.settings.approval_rules;
    if rules.iter().all(|rule| rule.recommendations.is_empty()) {
        return Ok(None);
    }
    let ids: Vec<Uuid> = read(&row.servers)?;
    let scopes: Vec<String> = read(&row.scopes)?;
    let servers = approvals::ruled_servers(ctx, &ids).await?;
    let facts = Facts {
        requester_type: &row.requester_type,
        scopes: &scopes,
        servers: servers.iter().map(|server| &server.tags).collect(),
        risk: None,
    };
    let about = rules.iter().filter(|rule| rule.matches(&facts));
    let texts = about.flat_map(|rule| rule.recommendations.iter());
    let advice = texts.enumerate().map(|(index, text)| Recommendation {
        id: (index + 1).to_string(),
        text: text.clone(),
        severity: "info".to_owned(),
        source: "admin_added".to_owned(),
        auto_checkable: false,
    });
    let advice: Vec<_> = advice.collect();
    Ok((!advice.is_empty()).then_some(advice))
}
