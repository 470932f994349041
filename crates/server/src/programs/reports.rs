//! What agents report about the programs of a command.

use protocol::event;
use protocol::guard::{Program, ProgramEnd, Verdict};
use protocol::id::CommandId;
use serde_json::json;
use store::Unit;
use store::audit::{Actor, AuditRecord};
use store::entity::command;
use store::programs::Counts;

use super::{answer, notify};
use crate::http::{AgentCtx, ApiResult};

/// Allowed programs stored of one command; more are counted.
const MAX_ALLOWED: i64 = 20_000;
/// Denied and held ones stored of one command; more are counted.
const MAX_OTHERS: i64 = 20_000;
/// Records of denials that one report adds to the audit trail; all of them are
/// stored with the command.
const MAX_RECORDS: usize = 16;
/// Programs of one session that wait for an answer at once; more are denied.
const MAX_HELD: u64 = 32;
/// No honest agent counts further.
const MAX_SEQ: i64 = 1 << 40;

/// What listeners are told once it is durable.
pub(crate) struct Told {
    command: CommandId,
    session: Option<uuid::Uuid>,
    started: Vec<Program>,
    ended: Vec<ProgramEnd>,
    /// Held programs that are too many.
    surplus: Vec<i64>,
}

/// Stores programs within bounds. Counts them in `row`.
pub(crate) async fn record(
    ctx: &AgentCtx,
    unit: &Unit,
    row: &mut command::Model,
    mut started: Vec<Program>,
    ended: Vec<ProgramEnd>,
    folded: u64,
) -> ApiResult<Told> {
    let id = CommandId(row.id);
    let mut counts = Counts {
        folded,
        ..Counts::default()
    };
    let programs = unit.tenant().programs();
    // A report that comes again, because its receipt was lost, counts once.
    let known = programs.known(id, &started).await?;
    started.retain(|program| !known.contains(&program.seq));
    started.retain(|program| {
        let is_allowed = program.verdict == Verdict::Allow;
        let allowed = row.programs - row.programs_denied;
        let has_room = if is_allowed {
            allowed < MAX_ALLOWED
        } else {
            row.programs_denied < MAX_OTHERS
        };
        if !has_room || !(1..=MAX_SEQ).contains(&program.seq) {
            counts.folded += 1;
            return false;
        }
        row.programs += 1;
        counts.stored += 1;
        if program.verdict == Verdict::Deny {
            row.programs_denied += 1;
            counts.denied += 1;
        }
        true
    });
    let surplus = deny_surplus(unit, row, &mut started).await?;
    row.programs_denied += i64::try_from(surplus.len()).unwrap_or(i64::MAX);
    counts.denied += u64::try_from(surplus.len()).unwrap_or(u64::MAX);
    programs.add(id, row.work_session_id, &started).await?;
    for end in &ended {
        programs.end(id, end).await?;
    }
    programs.count(id, counts).await?;
    let others = started.iter().filter(|p| p.verdict != Verdict::Allow);
    for program in others.take(MAX_RECORDS) {
        unit.audit(refusal(row, &ctx.server.name, program)).await?;
    }
    for program in started.iter().filter(|p| p.verdict == Verdict::Hold) {
        notify::queue(ctx, unit, row, program).await?;
    }
    Ok(Told {
        command: id,
        session: row.work_session_id,
        started,
        ended,
        surplus,
    })
}

/// Denies programs that wait when too many of their session do: nobody reads that many.
/// Gives their numbers, for the host to be told.
async fn deny_surplus(
    unit: &Unit,
    row: &command::Model,
    started: &mut [Program],
) -> ApiResult<Vec<i64>> {
    if !started
        .iter()
        .any(|program| program.verdict == Verdict::Hold)
    {
        return Ok(Vec::new());
    }
    let waiting = match row.work_session_id {
        Some(session) => unit.tenant().programs().count_held(session).await?,
        None => 0,
    };
    let room = usize::try_from(MAX_HELD.saturating_sub(waiting)).unwrap_or(0);
    let mut surplus = Vec::new();
    let held = (started.iter_mut()).filter(|program| program.verdict == Verdict::Hold);
    for program in held.skip(room) {
        program.verdict = Verdict::Deny;
        program.reason = Some(format!(
            "{MAX_HELD} programs of this session wait for an answer already"
        ));
        surplus.push(program.seq);
    }
    Ok(surplus)
}

impl Told {
    /// Tells listeners of the command and of its session, and the host what is denied.
    pub(crate) fn publish(&self, ctx: &AgentCtx) {
        if self.started.iter().any(|p| p.verdict == Verdict::Hold) {
            ctx.app.outbound.wake();
        }
        for seq in &self.surplus {
            answer::deny(ctx, self.command, *seq);
        }
        let payload = json!({
            "command_id": self.command,
            "session_id": self.session,
            "server_id": ctx.server.id,
            "started": self.started,
            "ended": self.ended,
        });
        for target in [Some(self.command.0), self.session].into_iter().flatten() {
            ctx.app
                .events
                .publish(ctx.workspace_id(), event::PROGRAMS, Some(target), &payload);
        }
    }
}

fn refusal(row: &command::Model, server: &str, program: &Program) -> AuditRecord {
    let (action, word) = match program.verdict {
        Verdict::Hold => ("hold", "held"),
        Verdict::Allow | Verdict::Deny => ("deny", "denied"),
    };
    AuditRecord {
        actor: Actor::agent(row.server_id, server),
        ip: String::new(),
        app: "guard",
        model: "command",
        object_id: Some(row.id),
        action,
        status_code: 403,
        description: format!("{} {word} on {server}", program.exe),
        data: json!({
            "program": program,
            "username": row.username,
            "session": row.work_session_id,
        }),
    }
}
