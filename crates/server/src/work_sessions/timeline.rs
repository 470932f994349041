//! What happened in a session, in one shape whoever did it.

use chrono::{DateTime, SecondsFormat, Utc};
use protocol::Page;
use protocol::command::Status;
use protocol::id::WorkSessionId;
use protocol::work_session::TimelineItem;
use store::Paging;
use store::commands::CommandFilter;
use store::entity::{command, work_session};
use store::tunnels::TunnelFilter;

use crate::http::paging::page;
use crate::http::{ApiResult, Ctx};
use crate::tunnels;

/// Events of one kind that a timeline goes back.
const MAX_DEPTH: u64 = 100_000;

/// A page of the timeline, newest first.
pub(super) async fn timeline(
    ctx: &Ctx,
    session: &work_session::Model,
    paging: Paging,
) -> ApiResult<Page<TimelineItem>> {
    // Each kind gives as many as the page can need; then they are told apart by time.
    let depth = Paging {
        page: 1,
        size: paging.page.saturating_mul(paging.size).min(MAX_DEPTH),
    };
    let id = WorkSessionId(session.id);
    let filter = CommandFilter {
        work_session: Some(id),
        ..CommandFilter::default()
    };
    let (commands, command_count) = ctx.tenant().commands().list(&filter, depth).await?;
    let filter = TunnelFilter {
        work_session: Some(id),
        ..TunnelFilter::default()
    };
    let (opened, tunnel_count) = ctx.tenant().tunnels().list(&filter, depth).await?;

    let mut items: Vec<(DateTime<Utc>, TimelineItem)> = Vec::new();
    items.extend(commands.iter().map(|row| (row.added_at, command_item(row))));
    items.extend(
        opened
            .iter()
            .map(|row| (row.added_at, tunnels::timeline_item(row))),
    );
    items.sort_by(|(one, _), (other, _)| other.cmp(one));
    let before = paging.page.saturating_sub(1).saturating_mul(paging.size);
    let items = items
        .into_iter()
        .map(|(_, item)| item)
        .skip(usize::try_from(before).unwrap_or(usize::MAX))
        .take(usize::try_from(paging.size).unwrap_or(usize::MAX))
        .collect();
    Ok(page(items, command_count + tunnel_count, paging))
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
