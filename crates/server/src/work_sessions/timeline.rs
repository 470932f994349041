//! What happened in a session, in one shape whoever did it.

use chrono::SecondsFormat;
use protocol::Page;
use protocol::command::Status;
use protocol::id::WorkSessionId;
use protocol::work_session::TimelineItem;
use store::Paging;
use store::commands::CommandFilter;
use store::entity::{command, work_session};

use crate::http::paging::page;
use crate::http::{ApiResult, Ctx};
use crate::programs;

/// A page of the timeline, newest first. Terminals, transfers, tunnels and sudo
/// grants join it as they are built.
pub(super) async fn timeline(
    ctx: &Ctx,
    session: &work_session::Model,
    with_programs: bool,
    paging: Paging,
) -> ApiResult<Page<TimelineItem>> {
    let filter = CommandFilter {
        work_session: Some(WorkSessionId(session.id)),
        ..CommandFilter::default()
    };
    let (rows, count) = ctx.tenant().commands().list(&filter, paging).await?;
    let mut items: Vec<TimelineItem> = rows.iter().map(command_item).collect();
    if with_programs {
        let mut programs = programs::programs_of(ctx, &rows).await?;
        for (item, row) in items.iter_mut().zip(&rows) {
            item.programs = Some(programs.remove(&row.id).unwrap_or_default());
        }
    }
    Ok(page(items, count, paging))
}

fn command_item(row: &command::Model) -> TimelineItem {
    let status = Status::parse(&row.status);
    TimelineItem {
        kind: "command".to_owned(),
        timestamp: Some(row.added_at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        id: row.id.to_string(),
        server_id: Some(row.server_id.to_string()),
        username: Some(row.username.clone()),
        groupname: Some(row.groupname.clone()),
        shell: Some(row.shell.clone()),
        line: Some(row.line.clone()),
        success: row.success.filter(|_| status.is_none_or(Status::is_final)),
        denied: Some(status == Some(Status::Rejected)),
        elapsed_time: Some(row.elapsed_time),
        enforcement: row.enforcement.clone(),
        program_count: (row.enforcement.is_some())
            .then_some(row.programs.saturating_add(row.programs_folded)),
        denied_program_count: row.enforcement.is_some().then_some(row.programs_denied),
        ..TimelineItem::default()
    }
}
