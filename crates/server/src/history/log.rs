//! Log records of hosts (`agent-control.md` §13.2, `rest-operations.md` §11).

use chrono::DateTime;
use protocol::CursorPage;
use protocol::agent::LogRecord;
use protocol::audit::HistoryLog;
use protocol::id::ServerId;
use store::entity::host_log;
use store::history::NewHostLog;

use super::text::bounded;
use crate::http::{AgentCtx, ApiError, ApiResult, Ctx, CursorParams};
use crate::identity::summary::Summaries;

/// Longest program name.
const MAX_PROGRAM: usize = 128;
/// Longest source position.
const MAX_PATH: usize = 1024;
/// Longest text.
const MAX_MESSAGE: usize = 64 * 1024;

/// Stores a record.
pub(super) async fn receive(ctx: &AgentCtx, record: LogRecord) -> ApiResult<()> {
    let log = NewHostLog {
        // A date nobody can read loses its record no more than the date.
        date: DateTime::parse_from_rfc3339(&record.date)
            .ok()
            .map(|date| date.to_utc()),
        program: bounded(&record.program, MAX_PROGRAM),
        level: record.level,
        path: bounded(&record.path, MAX_PATH),
        lineno: record.lineno,
        pid: record.pid,
        msg: bounded(&record.msg, MAX_MESSAGE),
    };
    let unit = ctx.begin().await?;
    unit.tenant()
        .history()
        .add_log(ctx.server_id(), log)
        .await?;
    Ok(unit.commit().await?)
}

/// Records of a server the caller may see, newest first.
pub(super) async fn list(
    ctx: &Ctx,
    server: ServerId,
    cursor: &CursorParams,
) -> ApiResult<CursorPage<HistoryLog>> {
    let (before, size) = cursor.position()?;
    ctx.tenant()
        .fleet()
        .find(ctx.principal.viewer(), server)
        .await?
        .ok_or_else(ApiError::not_found)?;
    // One more than asked for tells whether there is a next page.
    let mut rows = ctx
        .tenant()
        .history()
        .logs(server, before, size.saturating_add(1))
        .await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let summaries = Summaries::read(ctx, [], [server.0]).await?;
    Ok(CursorPage {
        next,
        results: rows.into_iter().map(|row| view(row, &summaries)).collect(),
    })
}

fn view(row: host_log::Model, summaries: &Summaries) -> HistoryLog {
    HistoryLog {
        id: row.id,
        added_at: Some(row.added_at),
        date: Some(row.date.unwrap_or(row.added_at)),
        // Clients show the process, of which agents tell the program's name.
        process: row.program.clone(),
        program: row.program,
        level: row.level,
        path: row.path,
        lineno: row.lineno,
        pid: row.pid,
        msg: row.msg,
        server: Some(summaries.server(row.server_id)),
        ..HistoryLog::default()
    }
}
