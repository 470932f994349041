//! Rules that cover what a session did.

use std::collections::BTreeSet;

use protocol::command::Status;
use protocol::id::WorkSessionId;
use protocol::judgement::{RuleSuggestion, UncoveredLine};
use store::Paging;
use store::commands::CommandFilter;
use store::tunnels::TunnelFilter;

use crate::http::{ApiResult, Ctx};

/// Rows of each kind that are looked at, newest first.
const MAX_ROWS: u64 = 5_000;
const PAGE: u64 = 100;

/// Suggests the smallest rules that cover a session the caller may see.
pub(super) async fn suggest(ctx: &Ctx, id: WorkSessionId) -> ApiResult<RuleSuggestion> {
    ctx.principal.require_scope("command", "read")?;
    crate::work_sessions::visible(ctx, id).await?;
    let mut truncated = false;
    let lines = lines(ctx, id, &mut truncated).await?;
    let ports = ports(ctx, id, &mut truncated).await?;
    let moved = moved(ctx, id, &mut truncated).await?;
    let lines: Vec<String> = lines.into_iter().collect();
    let moved: Vec<String> = moved.into_iter().collect();
    let found = judge::suggest(&lines, &moved);
    let uncovered = found.uncovered.into_iter().map(|line| UncoveredLine {
        line: line.line,
        reason: line.reason,
    });
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(RuleSuggestion {
        commands: found.commands,
        sudo: found.sudo,
        paths: found.paths,
        ports: ports.iter().map(ToString::to_string).collect(),
        lines: count(lines.len()),
        covered: count(found.covered),
        uncovered: uncovered.collect(),
        truncated,
    })
}

/// Lines that ran. What was refused is nothing to learn from.
async fn lines(
    ctx: &Ctx,
    session: WorkSessionId,
    truncated: &mut bool,
) -> ApiResult<BTreeSet<String>> {
    let filter = CommandFilter {
        work_session: Some(session),
        ..CommandFilter::default()
    };
    let mut lines = BTreeSet::new();
    for page in 1..=MAX_ROWS / PAGE {
        let paging = Paging { page, size: PAGE };
        let (rows, count) = ctx.tenant().commands().list(&filter, paging).await?;
        *truncated |= count > MAX_ROWS;
        let is_last = rows.len() as u64 != PAGE;
        let ran = rows
            .into_iter()
            .filter(|row| Status::parse(&row.status) != Some(Status::Rejected));
        lines.extend(ran.map(|row| row.line));
        if is_last {
            break;
        }
    }
    Ok(lines)
}

async fn ports(
    ctx: &Ctx,
    session: WorkSessionId,
    truncated: &mut bool,
) -> ApiResult<BTreeSet<i64>> {
    let filter = TunnelFilter {
        work_session: Some(session),
        ..TunnelFilter::default()
    };
    let mut ports = BTreeSet::new();
    for page in 1..=MAX_ROWS / PAGE {
        let paging = Paging { page, size: PAGE };
        let (rows, count) = ctx.tenant().tunnels().list(&filter, paging).await?;
        *truncated |= count > MAX_ROWS;
        let is_last = rows.len() as u64 != PAGE;
        ports.extend(rows.into_iter().map(|row| row.target_port));
        if is_last {
            break;
        }
    }
    Ok(ports)
}

/// Canonical paths of files that were moved to or from servers.
async fn moved(
    ctx: &Ctx,
    session: WorkSessionId,
    truncated: &mut bool,
) -> ApiResult<BTreeSet<String>> {
    let transfers = ctx.tenant().transfers();
    let rows = transfers.of_session(session, MAX_ROWS).await?;
    *truncated |= rows.len() as u64 == MAX_ROWS;
    let mut paths = BTreeSet::new();
    for row in rows.into_iter().filter(|row| row.success == Some(true)) {
        let ordered: Vec<String> = serde_json::from_value(row.ordered_paths).unwrap_or_default();
        paths.extend(ordered.into_iter().chain(row.final_path));
    }
    Ok(paths)
}
