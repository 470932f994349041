//! Guardrails as callers see them.

use guardrail::{Decided, Outcome};
use protocol::guardrail::{Guardrail, GuardrailOutcome, GuardrailVersion};
use protocol::id::GuardrailId;
use store::entity::{guardrail as row, guardrail_version};

use crate::http::{ApiResult, Ctx};
use crate::identity::summary::Summaries;

pub(super) async fn guardrails(ctx: &Ctx, rows: Vec<row::Model>) -> ApiResult<Vec<Guardrail>> {
    let users = rows.iter().filter_map(|row| row.changed_by);
    let summaries = Summaries::read(ctx, users, []).await?;
    let view = |row: row::Model| Guardrail {
        id: GuardrailId(row.id),
        name: row.name,
        description: row.description,
        policy: row.policy,
        enabled: row.enabled,
        version: row.version,
        changed_by: summaries.user(row.changed_by),
        added_at: Some(row.added_at),
        updated_at: Some(row.updated_at),
        warnings: Vec::new(),
    };
    Ok(rows.into_iter().map(view).collect())
}

pub(super) async fn versions(
    ctx: &Ctx,
    rows: Vec<guardrail_version::Model>,
) -> ApiResult<Vec<GuardrailVersion>> {
    let users = rows.iter().filter_map(|row| row.changed_by);
    let summaries = Summaries::read(ctx, users, []).await?;
    let view = |row: guardrail_version::Model| GuardrailVersion {
        version: row.version,
        name: row.name,
        policy: row.policy,
        enabled: row.enabled,
        changed_by: summaries.user(row.changed_by),
        added_at: Some(row.added_at),
    };
    Ok(rows.into_iter().map(view).collect())
}

/// An outcome on the wire.
pub(crate) fn outcome(outcome: Outcome) -> GuardrailOutcome {
    let (verdict, decided) = match outcome {
        Outcome::Pass => ("pass", None),
        Outcome::Hold(decided) => ("hold", Some(decided)),
        Outcome::Deny(decided) => ("deny", Some(decided)),
    };
    let verdict = verdict.to_owned();
    match decided {
        None => GuardrailOutcome {
            verdict,
            ..GuardrailOutcome::default()
        },
        Some(Decided {
            name,
            version,
            policy,
            reason,
            ..
        }) => GuardrailOutcome {
            verdict,
            guardrail: Some(name),
            version: Some(version),
            policy: Some(policy),
            reason: Some(reason),
        },
    }
}
