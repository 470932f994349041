//! The way of a submission up to its verdict, and no further.

use std::collections::BTreeMap;

use guardrail::{Detail, Outcome};
use http::StatusCode;
use judge::{Plan, risk};
use protocol::code;
use protocol::judgement::{Simulate, Simulation};
use serde_json::json;

use crate::gate::{self, Operation, Target};
use crate::guardrails;
use crate::http::{ApiError, ApiResult, Ctx};
use crate::masking::MaskOutput;

const SOURCE: &str = "judge";
/// As long as a line that can be submitted.
const MAX_LINE: usize = 64 * 1024;
const MAX_ENV: usize = 256;

pub(super) fn check_line(line: &str) -> ApiResult<()> {
    if line.trim().is_empty() {
        return Err(ApiError::missing(SOURCE, "line"));
    }
    if line.len() > MAX_LINE {
        let detail = format!("The command line is longer than {MAX_LINE} bytes.");
        return Err(ApiError::field(SOURCE, "line", detail));
    }
    Ok(())
}

/// What would be decided if the caller submitted this now.
pub(super) async fn simulate(ctx: &Ctx, request: &Simulate) -> ApiResult<Simulation> {
    if request.server.is_nil() {
        return Err(ApiError::missing(SOURCE, "server"));
    }
    check_line(&request.line)?;
    if request.env.len() > MAX_ENV {
        return Err(ApiError::field(SOURCE, "env", "Too many variables."));
    }
    let plan = Plan::read(&request.line);
    let mut answer = Simulation {
        risk: risk::of(&plan).to_string(),
        obligations: obligations(ctx),
        plan: json!(judge::explain(&plan)),
        ..Simulation::default()
    };
    match decide(ctx, request, &plan, &mut answer).await {
        Ok(()) => {}
        // The caller's own mistake, or nothing they may know of.
        Err(refusal) if refusal.status != StatusCode::FORBIDDEN => match refusal.code {
            Some(code::COMMAND_INLINE_CREDENTIAL) => denied(&mut answer, refusal),
            _ => return Err(refusal),
        },
        Err(refusal) => denied(&mut answer, refusal),
    }
    Ok(answer)
}

/// What comes with running it, whatever is decided.
fn obligations(ctx: &Ctx) -> Vec<String> {
    let settings = &ctx.workspace.settings;
    let mut words = vec!["record"];
    if settings.mask_output != MaskOutput::Nobody {
        words.push("mask");
    }
    if settings.external_judge.is_named() {
        words.push("ask_external_judge");
    }
    words.into_iter().map(str::to_owned).collect()
}

fn denied(answer: &mut Simulation, refusal: ApiError) {
    answer.verdict = "deny".to_owned();
    answer.code = refusal.code.map(str::to_owned);
    answer.reason = Some(refusal.detail);
}

async fn decide(
    ctx: &Ctx,
    request: &Simulate,
    plan: &Plan,
    answer: &mut Simulation,
) -> ApiResult<()> {
    answer.decided_by = "gate".to_owned();
    let target = Target {
        server: request.server,
        username: &request.username,
        groupname: &request.groupname,
        work_session: request.work_session,
    };
    let grant = gate::preview(ctx, Operation::Command, target).await?;
    if let Some(finding) = judge::credential::find(plan) {
        answer.decided_by = "credential".to_owned();
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("The command line carries a credential ({finding})."),
        )
        .code(code::COMMAND_INLINE_CREDENTIAL, "command"));
    }
    let detail = Detail::Command {
        line: &request.line,
        plan,
        env: request.env.clone(),
    };
    answer.decided_by = "guardrail".to_owned();
    let outcome = gate::ask_guardrails(ctx, &grant, detail).await?;
    answer.guardrails = Some(guardrails::outcome(outcome.clone()));
    let mut held = None;
    match outcome {
        Outcome::Pass => {}
        Outcome::Deny(decided) => {
            return Err(ApiError::forbidden(decided.reason).code(code::GUARDRAIL_DENIED, SOURCE));
        }
        Outcome::Hold(decided) => held = Some(decided.reason),
    }
    answer.decided_by = "judge".to_owned();
    let env: BTreeMap<String, String> = request
        .env
        .iter()
        .map(|name| (name.clone(), String::new()))
        .collect();
    let ruling = gate::command_ruling(ctx, &grant, plan).await?;
    let risk = gate::risk_actions(ctx, &grant, plan, ruling.as_ref()).await?;
    let judged = gate::judge_command(&grant, plan, &env, risk)?;
    let rules = judged.verdict.get("rules").cloned().unwrap_or_default();
    answer.rules = serde_json::from_value(rules).unwrap_or_default();
    answer.verdict = "allow".to_owned();
    if let Some(reason) = judged.hold.or(held) {
        answer.verdict = "hold".to_owned();
        answer.reason = Some(reason);
    }
    Ok(())
}
