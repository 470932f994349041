//! What happened in a session, in one shape whoever did it.

use std::collections::HashMap;

use chrono::SecondsFormat;
use protocol::command::Status;
use protocol::id::{WebshSessionId, WorkSessionId};
use protocol::work_session::TimelineItem;
use protocol::{Page, Time};
use store::Paging;
use store::entity::{command, sudo_grant, work_session};
use store::timeline::{Entry, Kind};
use uuid::Uuid;

use crate::http::paging::page;
use crate::http::{ApiResult, Ctx};
use crate::programs;
use crate::tunnels::timeline_item;
use crate::websh;

/// What a timeline shows besides its items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Details {
    /// The programs that commands started.
    pub(super) programs: bool,
    /// What each terminal showed, beside it and uncounted.
    pub(super) records: bool,
}

/// A page of the timeline, newest first.
pub(super) async fn timeline(
    ctx: &Ctx,
    session: &work_session::Model,
    details: Details,
    paging: Paging,
) -> ApiResult<Page<TimelineItem>> {
    let session = WorkSessionId(session.id);
    let (entries, count) = ctx.tenant().timeline().page(session, paging).await?;
    let mut items = HashMap::with_capacity(entries.len());
    let commands = ctx.tenant().commands();
    let rows = commands.find_all(&of_kind(&entries, Kind::Command)).await?;
    let mut programs = if details.programs {
        programs::programs_of(ctx, &rows).await?
    } else {
        HashMap::new()
    };
    for row in &rows {
        let mut item = command_item(row);
        if details.programs {
            item.programs = Some(programs.remove(&row.id).unwrap_or_default());
        }
        items.insert(row.id, item);
    }
    let grants = ctx.tenant().sudo();
    for row in grants.find_all(&of_kind(&entries, Kind::SudoGrant)).await? {
        items.insert(row.id, sudo_item(&row));
    }
    let tunnels = ctx.tenant().tunnels();
    for row in tunnels.find_all(&of_kind(&entries, Kind::Tunnel)).await? {
        items.insert(row.id, timeline_item(&row));
    }
    let terminals = ctx.tenant().websh();
    for row in terminals.find_all(&of_kind(&entries, Kind::Websh)).await? {
        items.insert(row.id, websh::timeline_item(&row));
    }
    let mut rows = Vec::with_capacity(entries.len());
    for entry in &entries {
        if details.records && entry.kind == Kind::Websh {
            rows.extend(websh::recording_item(ctx, WebshSessionId(entry.id)).await?);
        }
        rows.extend(items.remove(&entry.id));
    }
    Ok(page(rows, count, paging))
}

fn of_kind(entries: &[Entry], kind: Kind) -> Vec<Uuid> {
    entries
        .iter()
        .filter(|entry| entry.kind == kind)
        .map(|entry| entry.id)
        .collect()
}

fn at(time: Time) -> Option<String> {
    Some(time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn command_item(row: &command::Model) -> TimelineItem {
    let status = Status::parse(&row.status);
    TimelineItem {
        kind: "command".to_owned(),
        timestamp: at(row.added_at),
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

fn sudo_item(row: &sudo_grant::Model) -> TimelineItem {
    let status = if row.approved { "approved" } else { "denied" };
    TimelineItem {
        kind: "sudo_grant".to_owned(),
        timestamp: at(row.added_at),
        id: row.id.to_string(),
        server_id: Some(row.server_id.to_string()),
        username: Some(row.username.clone()),
        grant_type: Some(row.grant_type.clone()),
        status: Some(status.to_owned()),
        command: Some(row.command.clone()),
        one_time: Some(true),
        ..TimelineItem::default()
    }
}
