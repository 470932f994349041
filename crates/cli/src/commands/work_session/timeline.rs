//! `alpacon work-session timeline SESSION_ID` (`cli-core.md` §7.11).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use client::work_sessions;
use protocol::work_session::TimelineItem;
use serde::Serialize;

use super::programs;
use crate::context::Context;
use crate::error::Failure;
use crate::output::{Format, json, pager, sanitize, table, time};

/// Type of items that hold a terminal recording.
pub(super) const RECORD: &str = "websh_record";
const LINE_LENGTH: usize = 60;
const SUDO_LENGTH: usize = 40;
/// Lines of a recording that are searched for a preview.
const PREVIEW_LINES: usize = 50;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session.
    session_id: String,
    /// Leave the recordings out.
    #[arg(long)]
    no_records: bool,
    /// Show the programs that each command started, and which were denied.
    #[arg(long)]
    programs: bool,
}

#[derive(Debug, Serialize)]
struct Timeline {
    recordings: Vec<Recording>,
    timeline: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Recording {
    index: usize,
    time: String,
    server: String,
    preview: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) timestamp: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) server: String,
    pub(super) user: String,
    pub(super) details: String,
}

pub(super) async fn run(context: &Context, args: Args) -> Result<(), Failure> {
    let session = context.connect().await?;
    let (items, found) = tokio::join!(
        work_sessions::timeline(&session.api, &args.session_id, args.programs),
        work_sessions::get(&session.api, &args.session_id),
    );
    // Names are a comfort: without them ids are shown.
    let servers: BTreeMap<String, String> = found
        .ok()
        .and_then(|session| session.servers)
        .unwrap_or_default()
        .into_iter()
        .map(|server| (server.id, server.name))
        .collect();
    let timeline = build(&items?, &servers, args.no_records);
    match context.format {
        Format::Json => json::print(&timeline),
        Format::Table => pager::print(&render(&timeline, args.no_records)),
    }
    Ok(())
}

/// A timestamp as local time, or as it is when nobody can read it.
pub(super) fn local(timestamp: Option<&str>) -> String {
    let text = timestamp.unwrap_or_default();
    DateTime::parse_from_rfc3339(text).map_or_else(
        |_| text.to_owned(),
        |time| time::local_second(time.with_timezone(&Utc)),
    )
}

fn build(items: &[TimelineItem], servers: &BTreeMap<String, String>, no_records: bool) -> Timeline {
    let server = |item: &TimelineItem| {
        let id = item.server_id.as_deref().unwrap_or_default();
        servers.get(id).map_or(id, String::as_str).to_owned()
    };
    let records = || items.iter().filter(|item| item.kind == RECORD);
    let timeline = items
        .iter()
        .filter(|item| item.kind != RECORD)
        .flat_map(|item| {
            let count = records()
                .filter(|record| record.session_id.as_deref() == Some(item.id.as_str()))
                .count();
            let mut details = details(item);
            if item.kind == "websh_session" && count > 0 {
                details.push_str(&format!(" • {count} recording(s)"));
            }
            let row = Row {
                timestamp: local(item.timestamp.as_deref()),
                kind: kind(&item.kind).to_owned(),
                server: server(item),
                user: item.username.clone().unwrap_or_default(),
                details,
            };
            let programs = programs::rows(item, &row.server);
            std::iter::once(row).chain(programs).collect::<Vec<_>>()
        })
        .collect();
    let recordings = records()
        .filter(|_| !no_records)
        .enumerate()
        .map(|(index, item)| Recording {
            index: index + 1,
            time: local(item.timestamp.as_deref()),
            server: server(item),
            preview: preview(item.masked_record.as_deref().unwrap_or_default()),
        })
        .collect();
    Timeline {
        recordings,
        timeline,
    }
}

fn kind(kind: &str) -> &str {
    match kind {
        "websh_session" => "websh",
        "tunnel_session" => "tunnel",
        "ftp_session" => "ftp",
        "file_upload" => "upload",
        "file_download" => "download",
        "sudo_grant" => "sudo grant",
        other => other,
    }
}

fn details(item: &TimelineItem) -> String {
    let state = if item.closed_at.is_some() {
        "closed"
    } else {
        "opened"
    };
    match item.kind.as_str() {
        "command" => {
            let line = item.line.as_deref().unwrap_or_default();
            let line = table::truncate(line, LINE_LENGTH);
            format!("[{}] {line}{}", result(item), programs::summary(item))
        }
        "websh_session" => match item.client_type.as_deref() {
            Some(client) if !client.is_empty() => format!("{state} (client: {client})"),
            _ => state.to_owned(),
        },
        "tunnel_session" => format!("port {} {state}", item.target_port.unwrap_or_default()),
        "ftp_session" => state.to_owned(),
        "file_upload" | "file_download" => {
            let arrow = if item.kind == "file_upload" {
                "↑"
            } else {
                "↓"
            };
            let name = item.name.as_deref().unwrap_or_default();
            format!("{arrow} {name} ({})", size(item.size.unwrap_or_default()))
        }
        "sudo_grant" => {
            let grant = item.grant_type.as_deref().unwrap_or_default();
            let status = item.status.as_deref().unwrap_or_default();
            let command = match item.command.as_deref() {
                Some(command) if !command.is_empty() => {
                    format!(" — {}", table::truncate(command, SUDO_LENGTH))
                }
                _ => String::new(),
            };
            format!("{grant}: {status}{command}")
        }
        _ => String::new(),
    }
}

fn result(item: &TimelineItem) -> &'static str {
    match (item.denied, item.success) {
        (Some(true), _) => "denied",
        (_, Some(true)) => "ok",
        (_, Some(false)) => "failed",
        (_, None) => "unknown",
    }
}

/// `17 B`, `1.5 KB`, …
fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, in integers.
    let mut tenths = i128::from(bytes) * 10 / 1024;
    let mut unit = UNITS.iter();
    let mut name = unit.next();
    while tenths >= 10_240 {
        let Some(next) = unit.next() else { break };
        name = Some(next);
        tenths /= 1024;
    }
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        name.copied().unwrap_or_default()
    )
}

/// The first line that says something, as the terminal last showed it.
fn preview(record: &str) -> String {
    record
        .lines()
        .take(PREVIEW_LINES)
        .map(|line| {
            let last = line
                .trim_end_matches('\r')
                .rsplit('\r')
                .next()
                .unwrap_or(line);
            sanitize::cell(last).trim().to_owned()
        })
        .find(|line| !line.is_empty())
        .map_or_else(String::new, |line| table::truncate(&line, LINE_LENGTH))
}

fn render(timeline: &Timeline, no_records: bool) -> String {
    let rows: Vec<Vec<String>> = timeline
        .timeline
        .iter()
        .map(|row| {
            vec![
                row.timestamp.clone(),
                row.kind.clone(),
                row.server.clone(),
                row.user.clone(),
                row.details.clone(),
            ]
        })
        .collect();
    let mut text = table::render(&["TIME", "TYPE", "SERVER", "USER", "DETAILS"], &rows);
    if no_records || timeline.recordings.is_empty() {
        return text;
    }
    text.push_str("\nRecordings:\n");
    for record in &timeline.recordings {
        text.push_str(&sanitize::cell(&format!(
            "  {}. {}  {}  {}",
            record.index, record.time, record.server, record.preview
        )));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<TimelineItem> {
        serde_json::from_value(serde_json::json!([
            {"type": "command", "timestamp": "bad time", "id": "c1", "server_id": "s1",
             "username": "root", "line": "uptime", "success": true},
            {"type": "command", "id": "c2", "server_id": "s2", "line": "rm -rf /",
             "success": false, "denied": true},
            {"type": "websh_session", "id": "w1", "client_type": "cli"},
            {"type": "file_upload", "id": "f1", "name": "a.txt", "size": 1536},
            {"type": "sudo_grant", "id": "g1", "grant_type": "policy", "status": "used",
             "command": "systemctl restart nginx"},
            {"type": "websh_record", "id": "r1", "session_id": "w1",
             "masked_record": "\u{1b}[2J\r\n$ ls\r\n"},
        ]))
        .unwrap()
    }

    #[test]
    fn what_happened_is_told_in_rows() {
        let servers = BTreeMap::from([("s1".to_owned(), "web-01".to_owned())]);
        let timeline = build(&items(), &servers, false);
        insta::assert_snapshot!(render(&timeline, false), @r"
        TIME       TYPE         SERVER   USER   DETAILS
        bad time   command      web-01   root   [ok] uptime
                   command      s2              [denied] rm -rf /
                   websh                        opened (client: cli) • 1 recording(s)
                   upload                       ↑ a.txt (1.5 KB)
                   sudo grant                   policy: used — systemctl restart nginx

        Recordings:
          1.     $ ls
        ");
        assert!(build(&items(), &servers, true).recordings.is_empty());
    }

    #[test]
    fn sizes_have_one_decimal() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KB");
        assert_eq!(size(5 << 20), "5.0 MB");
    }
}
