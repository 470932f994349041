//! Programs of commands in a timeline.

use protocol::guard::{Program, Verdict};
use protocol::work_session::TimelineItem;

use super::timeline::Row;
use crate::output::{table, time};

/// Type of the rows.
const PROGRAM: &str = "program";
const ARGUMENTS: usize = 60;

/// What is known about the programs of a command, in a few words.
pub(super) fn summary(item: &TimelineItem) -> String {
    let (Some(level), Some(count)) = (&item.enforcement, item.program_count) else {
        return String::new();
    };
    let denied = item.denied_program_count.unwrap_or_default();
    let noun = if count == 1 { "program" } else { "programs" };
    match denied {
        0 => format!(" • {level}, {count} {noun}"),
        _ => format!(" • {level}, {count} {noun}, {denied} denied"),
    }
}

/// A row for each program of a command.
pub(super) fn rows(item: &TimelineItem, server: &str) -> Vec<Row> {
    let programs = item.programs.as_deref().unwrap_or_default();
    let row = |program: &Program| Row {
        timestamp: time::local_second(program.time),
        kind: PROGRAM.to_owned(),
        server: server.to_owned(),
        user: item.username.clone().unwrap_or_default(),
        details: details(program),
    };
    programs.iter().map(row).collect()
}

fn details(program: &Program) -> String {
    let state = match (program.verdict, program.end) {
        (Verdict::Deny, _) => "denied".to_owned(),
        (Verdict::Hold, _) => "held".to_owned(),
        (Verdict::Allow, None) => "running".to_owned(),
        (Verdict::Allow, Some(end)) => match (end.exit_code, end.signal) {
            (Some(0), _) => "ok".to_owned(),
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "replaced".to_owned(),
        },
    };
    let arguments = program.argv.get(1..).unwrap_or_default().join(" ");
    let mut text = format!("  [{state}] {}", program.exe);
    if !arguments.is_empty() {
        text.push(' ');
        text.push_str(&table::truncate(&arguments, ARGUMENTS));
    }
    if program.verdict != Verdict::Allow
        && let Some(reason) = &program.reason
    {
        text.push_str(&format!(" ({reason})"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_says_what_it_started_and_what_was_denied() {
        let item: TimelineItem = serde_json::from_value(serde_json::json!({
            "type": "command", "enforcement": "enforced",
            "program_count": 2, "denied_program_count": 1,
            "programs": [
                {"seq": 1, "time": "2026-01-01T00:00:00Z", "pid": 1, "ppid": 0, "uid": 7,
                 "exe": "/usr/bin/git", "sha256": null, "argv": ["git", "status"], "cwd": "/",
                 "verdict": "allow", "rule": "git *", "reason": null,
                 "end": {"seq": 1, "time": "2026-01-01T00:00:01Z", "exit_code": 0}},
                {"seq": 2, "time": "2026-01-01T00:00:00Z", "pid": 2, "ppid": 1, "uid": 7,
                 "exe": "/usr/bin/curl", "sha256": null, "argv": ["curl"], "cwd": "/",
                 "verdict": "deny", "rule": null, "reason": "no rule allows it"},
            ],
        }))
        .unwrap();
        assert_eq!(summary(&item), " • enforced, 2 programs, 1 denied");
        let details: Vec<String> = (rows(&item, "web").into_iter())
            .map(|row| row.details)
            .collect();
        assert_eq!(
            details,
            [
                "  [ok] /usr/bin/git status",
                "  [denied] /usr/bin/curl (no rule allows it)",
            ]
        );
        assert_eq!(summary(&TimelineItem::default()), "");
    }
}
