//! Programs as callers see them.

use std::collections::HashMap;

use protocol::guard::{Program, ProgramEnd, Verdict};
use store::entity::{command, exec_event};
use uuid::Uuid;

use crate::http::{ApiResult, Ctx};

/// Programs of each command that a timeline shows, besides what was not allowed.
const FIRST: i64 = 100;
/// Programs of a whole page.
const MAX_ROWS: u64 = 2_000;

/// The first programs of several commands.
pub(crate) async fn programs_of(
    ctx: &Ctx,
    rows: &[command::Model],
) -> ApiResult<HashMap<Uuid, Vec<Program>>> {
    let ids = rows.iter().filter(|row| row.programs > 0).map(|row| row.id);
    let found = (ctx.tenant().programs())
        .of_commands(ids, FIRST, MAX_ROWS)
        .await?;
    let mut programs: HashMap<Uuid, Vec<Program>> = HashMap::new();
    for row in &found {
        programs
            .entry(row.command_id)
            .or_default()
            .push(program(row));
    }
    Ok(programs)
}

pub(super) fn program(row: &exec_event::Model) -> Program {
    let number = |number: i64| i32::try_from(number).unwrap_or_default();
    Program {
        seq: row.seq,
        time: row.time,
        pid: number(row.pid),
        ppid: number(row.ppid),
        uid: u32::try_from(row.uid).unwrap_or_default(),
        exe: row.exe.clone(),
        sha256: row.sha256.clone(),
        argv: serde_json::from_value(row.argv.clone()).unwrap_or_default(),
        cwd: row.cwd.clone(),
        // What we cannot read we do not call allowed.
        verdict: Verdict::parse(&row.verdict).unwrap_or(Verdict::Deny),
        rule: row.rule.clone(),
        reason: row.reason.clone(),
        folded: 0,
        end: row.ended_at.map(|time| ProgramEnd {
            seq: row.seq,
            time,
            exit_code: row.exit_code.map(number),
            signal: row.signal.map(number),
        }),
    }
}
