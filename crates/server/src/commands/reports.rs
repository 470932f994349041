//! What agents report about commands: acknowledgement, output, end, refusal.
//!
//! Delivery is at least once and unordered, so every step is idempotent, and an
//! unknown or finished command is no error: an agent whose report is refused
//! repeats it and holds everything else back.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use protocol::agent::Report;
use protocol::command::{SHELL_SYSTEM, Status, phase};
use protocol::event;
use protocol::id::{CommandId, ServerId};
use serde_json::json;
use store::Unit;
use store::audit::{Actor, AuditRecord};
use store::entity::command;

use crate::http::{AgentCtx, ApiResult, PublicCtx};
use crate::masking::{self, Originals, Piece};
use crate::programs;

/// Output kept of one command. The end of what is longer is in the result.
const MAX_OUTPUT_CHARS: i64 = 256 * 1024 * 1024;
/// Characters of an agent's reason that are kept.
const MAX_REASON: usize = 1000;
/// No honest agent counts further.
const MAX_SEQ: i64 = 1 << 40;

/// A command that a batch of reports is about.
struct Reported {
    /// None: unknown, or another server's.
    row: Option<command::Model>,
    /// Pieces of output that this batch added.
    added: i64,
    /// The agent has taken it.
    acked: bool,
    /// Its end is final in this batch.
    ended: bool,
}

/// Stores reports, in order, in one transaction; then wakes whoever waits.
pub(super) async fn apply(ctx: &AgentCtx, reports: Vec<Report>) -> ApiResult<()> {
    let unit = ctx.begin().await?;
    let commands = unit.tenant().commands();
    // Where the end comes along, it says all that the acknowledgement would.
    let ending: HashSet<CommandId> = reports
        .iter()
        .filter_map(|report| match report {
            Report::Fin { command, .. } => Some(*command),
            Report::Ack { .. }
            | Report::Chunk { .. }
            | Report::Reject { .. }
            | Report::Guarded { .. }
            | Report::Programs { .. } => None,
        })
        .collect();
    let mut touched: Vec<CommandId> = Vec::new();
    let mut states: HashMap<CommandId, Reported> = HashMap::new();
    let mut output = Vec::new();
    let mut told = Vec::new();
    for report in reports {
        let id = report_command(&report);
        let state = match states.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let row = commands.find(id).await?;
                let row = row.filter(|row| row.server_id == ctx.server.id);
                touched.push(id);
                let acked = row.as_ref().is_some_and(|row| row.acked_at.is_some());
                entry.insert(Reported {
                    row,
                    added: 0,
                    acked,
                    ended: false,
                })
            }
        };
        let Some(row) = &mut state.row else { continue };
        match report {
            Report::Ack { .. } => {
                if !ending.contains(&id) {
                    commands.ack(id).await?;
                }
                state.acked = true;
            }
            Report::Chunk { seq, content, .. } => {
                if let Some(content) = keep(row, seq, content)
                    && let Some(piece) = Box::pin(stored(ctx, &unit, row, seq, content)).await?
                {
                    state.added += 1;
                    output.push((id, seq, piece));
                }
            }
            Report::Fin { fin, .. } => {
                let fin = match row.shell.as_str() {
                    SHELL_SYSTEM => Box::pin(masking::result(ctx, &unit, id, fin)).await?,
                    _ => fin,
                };
                // All its output came in this batch: no need to look.
                let complete = fin.chunks == Some(state.added);
                if commands.report(id, &fin, complete).await? {
                    row.success = Some(fin.success);
                    row.exit_code = Some(fin.exit_code);
                    state.ended = complete;
                }
            }
            Report::Guarded { level, floor, .. } => {
                unit.tenant().programs().guarded(id, level, &floor).await?;
                row.enforcement = Some(level.as_str().to_owned());
            }
            Report::Programs {
                mut started,
                ended,
                folded,
                ..
            } => {
                if let Some(patterns) = masking::patterns(ctx) {
                    started
                        .iter_mut()
                        .for_each(|program| masking::program(&patterns, program));
                }
                let record = programs::record(ctx, &unit, row, started, ended, folded);
                told.push(record.await?);
            }
            Report::Reject { reason, .. } => {
                if state.acked {
                    // It runs: what was refused is a message about it, or a copy.
                    unit.audit(refused_record(row, &ctx.server.name, &reason))
                        .await?;
                    continue;
                }
                let reason = format!("The agent refused the order: {reason}");
                if commands
                    .end(id, Status::Rejected, None, Some(&reason))
                    .await?
                {
                    row.status = Status::Rejected.as_str().to_owned();
                    state.ended = true;
                }
            }
        }
    }
    for (id, state) in &mut states {
        let Some(row) = &mut state.row else { continue };
        // Output that trails behind the end, or an end that waits for output.
        if !state.ended && (ending.contains(id) || row.reported_at.is_some()) {
            state.ended = finish_if_complete(ctx, &unit, *id, false).await?;
        }
        if state.ended && row.shell == SHELL_SYSTEM {
            if row.status != Status::Rejected.as_str() {
                row.status = Status::ended(row.success == Some(true)).as_str().to_owned();
            }
            unit.audit(end_record(row, &ctx.server.name)).await?;
        }
    }
    unit.commit().await?;

    let mut awake: HashSet<CommandId> = HashSet::new();
    for told in told {
        told.publish(ctx);
    }
    for (id, seq, piece) in output {
        awake.insert(id);
        // Whoever may read it as it was reads it over REST.
        if piece.is_masked {
            continue;
        }
        ctx.app.events.publish(
            ctx.workspace_id(),
            event::COMMAND_OUTPUT,
            Some(id.0),
            &json!({"command_id": id, "seq": seq, "content": piece.shown}),
        );
    }
    for id in touched {
        if states.get(&id).is_some_and(|state| state.ended) {
            ctx.app.open_outputs.end(id);
            announce(ctx, id, ctx.server_id());
        } else if awake.contains(&id) {
            ctx.app.feeds.wake(id);
        }
    }
    Ok(())
}

/// Stores a piece of output, what a person's command printed with its secrets masked.
/// None: it is there already.
async fn stored(
    ctx: &AgentCtx,
    unit: &Unit,
    row: &command::Model,
    seq: i64,
    content: String,
) -> ApiResult<Option<Piece>> {
    let id = CommandId(row.id);
    if row.shell == SHELL_SYSTEM {
        return masking::piece(ctx, unit, id, seq, &content).await;
    }
    let length = i64::try_from(content.chars().count()).unwrap_or(i64::MAX);
    let commands = unit.tenant().commands();
    let is_new = commands.add_chunk(id, seq, &content, length).await?;
    Ok(is_new.then_some(Piece {
        shown: content,
        is_masked: false,
    }))
}

/// What is kept of a piece of output: all of it, the note that the limit is
/// reached, or nothing. Counts it in `row`.
fn keep(row: &mut command::Model, seq: i64, content: String) -> Option<String> {
    if !(0..=MAX_SEQ).contains(&seq) || row.output_chars >= MAX_OUTPUT_CHARS {
        return None;
    }
    row.output_chars += i64::try_from(content.chars().count()).unwrap_or(i64::MAX);
    if row.output_chars < MAX_OUTPUT_CHARS {
        return Some(content);
    }
    let limit = MAX_OUTPUT_CHARS / (1024 * 1024);
    row.output_chars = MAX_OUTPUT_CHARS;
    Some(format!(
        "\n[output cut here: more than {limit} Mi characters]\n"
    ))
}

fn report_command(report: &Report) -> CommandId {
    match report {
        Report::Ack { command }
        | Report::Chunk { command, .. }
        | Report::Fin { command, .. }
        | Report::Reject { command, .. }
        | Report::Guarded { command, .. }
        | Report::Programs { command, .. } => *command,
    }
}

/// Makes a reported command final once its output is here, or when `patience` is
/// over. The public agent sends output and end over several connections, so the
/// end may come first.
pub(super) async fn finish_if_complete(
    ctx: &PublicCtx,
    unit: &Unit,
    id: CommandId,
    patience_over: bool,
) -> ApiResult<bool> {
    let commands = unit.tenant().commands();
    let Some(row) = commands.find(id).await? else {
        return Ok(false);
    };
    if row.reported_at.is_none() || row.finished_at.is_some() {
        return Ok(false);
    }
    let complete = patience_over
        || match row.expected_chunks {
            Some(expected) => {
                i64::try_from(commands.count_chunks(id).await?).unwrap_or(i64::MAX) >= expected
            }
            None => {
                let length = Originals::result_length(ctx, unit.tenant(), &row).await?;
                let length = i64::try_from(length).unwrap_or(i64::MAX);
                row.shell != SHELL_SYSTEM || row.output_chars >= length
            }
        };
    if !complete {
        return Ok(false);
    }
    Ok(commands.finish(id, row.success == Some(true)).await?)
}

/// A refusal that ends nothing.
fn refused_record(row: &command::Model, server: &str, reason: &str) -> AuditRecord {
    let reason: String = reason.chars().take(MAX_REASON).collect();
    AuditRecord {
        actor: Actor::agent(row.server_id, server),
        ip: String::new(),
        app: "command",
        model: "command",
        object_id: Some(row.id),
        action: "reject",
        status_code: 409,
        description: format!("{server} refused a message about a command it has taken"),
        data: json!({"reason": reason, "session": row.work_session_id}),
    }
}

fn end_record(row: &command::Model, server: &str) -> AuditRecord {
    AuditRecord {
        actor: Actor::agent(row.server_id, server),
        ip: String::new(),
        app: "command",
        model: "command",
        object_id: Some(row.id),
        action: "finish",
        status_code: 200,
        description: format!(
            "command {} on {server}, exit status {}",
            row.status,
            row.exit_code
                .map_or_else(|| "unknown".to_owned(), |code| code.to_string())
        ),
        data: json!({
            "status": row.status,
            "exit_code": row.exit_code,
            "error_phase": row.error_phase,
            "session": row.work_session_id,
            "enforcement": row.enforcement.as_deref().unwrap_or("none"),
        }),
    }
}

/// Tells listeners that a command is final. Its state is readable by now.
fn announce(ctx: &PublicCtx, id: CommandId, server: ServerId) {
    ctx.app.feeds.wake(id);
    ctx.app.events.publish(
        ctx.workspace.id,
        event::COMMAND_FIN,
        Some(server.0),
        &json!({"type": "event", "id": id}),
    );
}

/// Records and announces an end that no agent reported.
pub(crate) async fn announce_end(ctx: &PublicCtx, id: CommandId) {
    let row = match ctx.tenant().commands().find(id).await {
        Ok(Some(row)) => row,
        Ok(None) => return,
        Err(error) => {
            tracing::error!(%error, "an ended command could not be read");
            ctx.app.feeds.wake(id);
            return;
        }
    };
    if row.shell == SHELL_SYSTEM {
        let recorded: ApiResult<()> = async {
            let unit = ctx.begin().await?;
            unit.audit(AuditRecord {
                actor: Actor::system(),
                ..end_record(&row, "its server")
            })
            .await?;
            Ok(unit.commit().await?)
        }
        .await;
        if let Err(error) = recorded {
            tracing::error!(detail = error.detail, "an end could not be recorded");
        }
    }
    announce(ctx, id, ServerId(row.server_id));
}

/// Ends what a restarted agent had been running: those processes are gone.
/// `unreported` are the commands whose end the agent still holds.
pub(crate) async fn agent_started(
    ctx: &AgentCtx,
    boot_id: Option<&str>,
    unreported: &[CommandId],
) -> ApiResult<()> {
    if let Some(boot_id) = boot_id {
        // The same process says it again: nothing was lost.
        if ctx.server.boot_id.as_deref() == Some(boot_id) {
            return Ok(());
        }
    }
    // What went out on the connection there is now went to the new process.
    let since = ctx
        .app
        .agents
        .connection(ctx.server_id())
        .map(|connection| connection.since);
    let unit = ctx.begin().await?;
    if let Some(boot_id) = boot_id {
        unit.tenant()
            .fleet()
            .record_boot(ctx.server_id(), boot_id)
            .await?;
    }
    let commands = unit.tenant().commands();
    let mut ended = Vec::new();
    for row in commands.open(Some(ctx.server_id())).await? {
        let id = CommandId(row.id);
        let sent_before = row
            .delivered_at
            .is_some_and(|time| since.is_none_or(|since| time < since));
        let had_it = row.acked_at.is_some() && row.reported_at.is_none();
        if had_it && sent_before && !unreported.contains(&id) {
            let reason = "The agent restarted while the command ran.";
            if commands
                .end(id, Status::Stuck, Some(phase::AGENT_TIMEOUT), Some(reason))
                .await?
            {
                ended.push(id);
            }
        }
    }
    unit.commit().await?;
    for id in ended {
        announce_end(ctx, id).await;
    }
    Ok(())
}
