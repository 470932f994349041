//! The judge's turn: what a granted operation may run.

use std::collections::BTreeMap;

use http::StatusCode;
use judge::risk::{Action, RiskActions};
use judge::{Authority, Decision, Plan, RuleSet, Sudo, Verdict};
use protocol::code;
use protocol::guard::Policy;
use protocol::work_session::SudoPolicy;
use serde_json::{Value, json};
use store::entity::work_session;
use store::work_sessions::Rules;

use super::Grant;
use super::guard::guard_policy;
use crate::http::{ApiError, ApiResult};
use crate::work_sessions::read;

/// A line that may run.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Words, where no shell is needed.
    pub(crate) argv: Option<Vec<String>>,
    /// For the record: rule, flags, risk.
    pub(crate) verdict: Value,
    /// What the tree it starts may run on the host.
    pub(crate) guard: Policy,
    /// Why a reviewer must approve it first.
    pub(crate) hold: Option<String>,
    /// Reviewers are told that it runs.
    pub(crate) notify: bool,
}

/// Judges a line under the grant: first under the token's rules, then under the
/// session's. `risk` is what the workspace does at each risk for this caller.
///
/// # Errors
/// The refusal, with the judge's reason in its text.
pub(crate) fn judge_command(
    grant: &Grant,
    plan: &Plan,
    env: &BTreeMap<String, String>,
    risk: RiskActions,
) -> ApiResult<Judged> {
    let names: Vec<&str> = env.keys().map(String::as_str).collect();
    let mut verdicts = Vec::with_capacity(2);
    if let Some(commands) = &grant.token_commands {
        let authority = Authority {
            commands: allow_list(commands)?,
            risk,
            ..Authority::default()
        };
        let refusal = (code::API_TOKEN_ACL_NOT_ALLOWED, "token");
        verdicts.push(allowed(judge::judge(plan, &authority, &names), refusal)?);
    }
    if let Some(session) = &grant.session {
        let refusal = (code::COMMAND_NOT_ALLOWED, "command");
        let authority = Authority {
            risk,
            ..session_authority(session)?
        };
        verdicts.push(allowed(judge::judge(plan, &authority, &names), refusal)?);
    }
    if verdicts.is_empty() {
        let refusal = (code::COMMAND_NOT_ALLOWED, "command");
        let authority = Authority {
            risk,
            ..Authority::default()
        };
        verdicts.push(allowed(judge::judge(plan, &authority, &names), refusal)?);
    }
    let rules: Vec<&String> = verdicts.iter().filter_map(|v| v.rule.as_ref()).collect();
    let read = verdicts
        .first()
        .map(|verdict| json!({"flags": verdict.flags, "risk": verdict.risk}));
    Ok(Judged {
        argv: plan.direct_argv(),
        verdict: json!({"rules": rules, "reading": read}),
        guard: guard_policy(grant, plan)?,
        notify: verdicts
            .iter()
            .any(|verdict| risk.action(verdict.risk) == Action::AllowAndNotify),
        hold: verdicts.iter().find_map(|verdict| match &verdict.decision {
            Decision::Hold { reason } => Some(reason.clone()),
            Decision::Allow | Decision::Deny { .. } => None,
        }),
    })
}

/// The verdict, unless it denies.
fn allowed(verdict: Verdict, refusal: (&'static str, &'static str)) -> ApiResult<Verdict> {
    match &verdict.decision {
        Decision::Allow | Decision::Hold { .. } => Ok(verdict),
        Decision::Deny { reason, .. } => {
            Err(ApiError::new(StatusCode::FORBIDDEN, reason.clone()).code(refusal.0, refusal.1))
        }
    }
}

/// The allow-list of some rules. The rule `*` is leave for everything, also for
/// what cannot be read with certainty: with it there is no list.
pub(super) fn allow_list(rules: &[String]) -> ApiResult<Option<RuleSet>> {
    if rules.iter().any(|rule| rule.trim() == "*") {
        return Ok(None);
    }
    compiled(RuleSet::compile(rules)).map(Some)
}

fn compiled(rules: Result<RuleSet, judge::RuleError>) -> ApiResult<RuleSet> {
    rules.map_err(|error| {
        ApiError::new(
            StatusCode::FORBIDDEN,
            format!("A rule cannot be used: {error}"),
        )
        .code(code::COMMAND_NOT_ALLOWED, "command")
    })
}

pub(super) fn session_authority(session: &work_session::Model) -> ApiResult<Authority> {
    let rules: Rules = read(&session.rules)?;
    let mut authority = Authority {
        sudo: sudo(session)?,
        ..Authority::default()
    };
    if !rules.commands.is_empty() {
        authority.commands = allow_list(&rules.commands)?;
    }
    if !rules.paths.is_empty() {
        authority.files = Some(compiled(RuleSet::compile_paths(&rules.paths))?);
    }
    Ok(authority)
}

/// Sudo inside a session needs its scope; policies narrow it.
fn sudo(session: &work_session::Model) -> ApiResult<Sudo> {
    if !session.holds_scope("sudo") {
        return Ok(Sudo::Forbidden);
    }
    let policies: Vec<SudoPolicy> = read(&session.sudo_policies)?;
    if policies.is_empty() {
        return Ok(Sudo::Unrestricted);
    }
    let commands: Vec<String> = policies
        .into_iter()
        .flat_map(|policy| policy.commands)
        .collect();
    compiled(RuleSet::compile(&commands)).map(Sudo::Policies)
}
