//! Step 8 for sudo: what a second factor of the person who asked makes of a call.
//!
//! The scope `sudo` of a session means: with a second factor. Policies waive it for the
//! commands that they name (`allow_bypass_mfa`). Nothing here lifts what rules or risk
//! deny; an agent's session and a token have nobody who could be there.

use judge::risk::Requester;
use judge::{Authority, Decision, Plan, RuleSet, Sudo};
use protocol::id::{LoginId, UserId};
use protocol::sudo;
use protocol::work_session::{REQUESTER_AGENT, SudoPolicy};
use store::entity::{login, work_session};
use store::now;

use super::risk;
use super::sudo::{NO_NAMES, Outcome, basis, deny, line};
use crate::http::{AgentCtx, ApiError, ApiResult};
use crate::mfa;
use crate::oauth::grant;
use crate::work_sessions::read;

/// A call of sudo inside a session.
pub(super) struct Call<'a> {
    pub(super) session: &'a work_session::Model,
    pub(super) requested_by: UserId,
    /// The login that what calls sudo was asked for with.
    pub(super) login: Option<LoginId>,
    /// Whoever reads the denial can prove presence and call again: `alpacon exec` does.
    pub(super) can_ask: bool,
    pub(super) words: &'a [String],
}

/// What stands between a call and the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacks {
    Nothing,
    /// A policy names it and demands a second factor.
    Factor,
    /// No policy names it; a second factor or a reviewer may stand in.
    Policy,
}

/// Goes on from what the session's rules and policies say.
pub(super) async fn complete(
    ctx: &AgentCtx,
    call: &Call<'_>,
    within: Outcome,
) -> ApiResult<Outcome> {
    let lacks = match &within {
        Ok(_) if is_waived(call)? => Lacks::Nothing,
        Ok(_) => Lacks::Factor,
        Err((code, _)) if *code == sudo::APPROVAL_REQUIRED => Lacks::Policy,
        Err(_) => Lacks::Nothing,
    };
    if lacks == Lacks::Nothing {
        return Ok(within);
    }
    let login = match call.session.requester_type.as_str() {
        REQUESTER_AGENT => None,
        _ => login_of(ctx, call).await?,
    };
    let Some(login) = login else {
        return Ok(without_person(lacks, within));
    };
    let is_present = mfa::is_proved_for(&ctx.workspace.settings, &login);
    let can_prove = call.can_ask && login.method == grant::METHOD;
    if !is_present && !can_prove {
        return Ok(without_person(lacks, within));
    }
    if !ctx.workspace.settings.allow_sudo_with_mfa {
        return Ok(match lacks {
            Lacks::Policy => within,
            _ => disabled(),
        });
    }
    match risk_of(ctx, call).await? {
        Decision::Allow => {}
        // Whoever is there does not make it less of a risk.
        Decision::Hold { reason } => return Ok(deny(sudo::APPROVAL_REQUIRED, reason)),
        Decision::Deny { reason, .. } => return Ok(deny(sudo::RISK_DENIED, reason)),
    }
    Ok(if is_present {
        Ok(basis::PRESENCE)
    } else {
        deny(
            sudo::PRESENCE_REQUIRED,
            "Sudo needs a recent second factor of the person who asked.",
        )
    })
}

fn disabled() -> Outcome {
    deny(
        sudo::MFA_DISABLED,
        "The workspace takes no second factor for sudo, and no policy goes without one.",
    )
}

/// The answer where nobody can prove anything.
fn without_person(lacks: Lacks, within: Outcome) -> Outcome {
    match lacks {
        Lacks::Factor => deny(
            sudo::MFA_REQUIRED,
            "The sudo policy for this command demands a second factor, which this login \
             cannot prove.",
        ),
        _ => within,
    }
}

/// Whether a policy that names the command waives the second factor.
fn is_waived(call: &Call<'_>) -> ApiResult<bool> {
    let policies: Vec<SudoPolicy> = read(&call.session.sudo_policies)?;
    let commands: Vec<String> = policies
        .into_iter()
        .filter(|policy| policy.allow_bypass_mfa)
        .flat_map(|policy| policy.commands)
        .collect();
    let rules = RuleSet::compile(&commands).map_err(ApiError::internal)?;
    let authority = Authority {
        sudo: Sudo::Policies(rules),
        ..Authority::default()
    };
    let verdict = judge::judge(&Plan::read(&line(call.words)), &authority, NO_NAMES);
    Ok(verdict.decision == Decision::Allow)
}

/// The login behind the call, if it is still one of who answers for it. One of another
/// workspace proves nothing here.
async fn login_of(ctx: &AgentCtx, call: &Call<'_>) -> ApiResult<Option<login::Model>> {
    let Some(id) = call.login else {
        return Ok(None);
    };
    let found = ctx.tenant().identity().login(id).await?;
    Ok(found
        .filter(|(row, user)| {
            UserId(user.id) == call.requested_by && user.is_active && row.expires_at > now()
        })
        .map(|(row, _)| row))
}

async fn risk_of(ctx: &AgentCtx, call: &Call<'_>) -> ApiResult<Decision> {
    let plan = Plan::read(&line(call.words));
    let user = Some(call.requested_by);
    let authority = Authority {
        risk: risk::actions_of(ctx, Requester::Human, user, &plan, None).await?,
        ..Authority::default()
    };
    Ok(judge::judge(&plan, &authority, NO_NAMES).decision)
}
