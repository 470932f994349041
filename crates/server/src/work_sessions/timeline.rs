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

/// A page of the timeline, newest first. Terminals, transfers, tunnels and sudo
/// grants join it as they are built.
pub(super) async fn timeline(
    ctx: &Ctx,
    session: &work_session::Model,
    paging: Paging,
) -> ApiResult<Page<TimelineItem>> {
    let filter = CommandFilter {
        work_session: Some(WorkSessionId(session.id)),
        ..CommandFilter::default()
    };
    let (rows, count) = ctx.tenant().commands().list(&filter, paging).await?;
    Ok(page(rows.iter().map(command_item).collect(), count, paging))
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
        ..TimelineItem::default()
    }
}
