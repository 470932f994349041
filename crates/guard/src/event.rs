//! What is told about the programs of a tree.

use std::io::Write;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;

/// Events about allowed programs that a [`Journal`] writes per second.
const PER_SECOND: u32 = 2_000;

/// A program started, or was kept from starting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When it was judged.
    pub time: DateTime<Utc>,
    /// Its process.
    pub pid: i32,
    /// The parent process.
    pub ppid: i32,
    /// Real user.
    pub uid: u32,
    /// The file that was loaded, as the kernel names it.
    pub exe: String,
    /// SHA-256 of that file in lowercase hex; absent where it cannot be read.
    pub sha256: Option<String>,
    /// Arguments, beginning with the program's name; cut at 32 KiB.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: String,
    /// What was done.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Why it was denied, or why no rule was asked.
    pub reason: Option<String>,
    /// How many allowed programs before this one were counted but not written,
    /// because too many started at once.
    #[serde(skip_serializing_if = "is_zero")]
    pub folded: u64,
}

/// What was done about a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It ran.
    Allow,
    /// It was killed before its first instruction.
    Deny,
}

/// Who is told. Called from the supervisor's loop, while the program waits.
pub trait Sink {
    /// A program started or was denied.
    fn exec(&mut self, event: Event);
    /// A line for the user of the terminal.
    fn notice(&mut self, text: &str);
}

/// Writes events as JSON Lines and notices as text. Events about allowed programs
/// are bounded per second; denials are always written.
#[derive(Debug)]
pub struct Journal<E, N> {
    events: E,
    notices: N,
    window: Instant,
    written: u32,
    folded: u64,
    failed: bool,
}

impl<E: Write, N: Write> Journal<E, N> {
    /// A journal into `events`, with notices to `notices`.
    pub fn new(events: E, notices: N) -> Self {
        Self {
            events,
            notices,
            window: Instant::now(),
            written: 0,
            folded: 0,
            failed: false,
        }
    }

    fn is_over_the_limit(&mut self) -> bool {
        if self.window.elapsed() >= Duration::from_secs(1) {
            self.window = Instant::now();
            self.written = 0;
        }
        self.written += 1;
        self.written > PER_SECOND
    }

    fn write(&mut self, event: &Event) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.events.write_all(&line)
    }
}

impl<E: Write, N: Write> Sink for Journal<E, N> {
    fn exec(&mut self, mut event: Event) {
        if event.verdict == Verdict::Allow && self.is_over_the_limit() {
            self.folded += 1;
            return;
        }
        event.folded = std::mem::take(&mut self.folded);
        if let Err(error) = self.write(&event)
            && !std::mem::replace(&mut self.failed, true)
        {
            self.notice(&format!("alpamon: cannot write exec events: {error}"));
        }
    }

    fn notice(&mut self, text: &str) {
        // Nobody is left to tell when the terminal is gone.
        let _told = writeln!(self.notices, "{text}");
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(verdict: Verdict) -> Event {
        Event {
            time: Utc::now(),
            pid: 1,
            ppid: 0,
            uid: 0,
            exe: "/bin/true".to_owned(),
            sha256: None,
            argv: vec!["true".to_owned()],
            cwd: "/".to_owned(),
            verdict,
            rule: None,
            reason: None,
            folded: 0,
        }
    }

    #[test]
    fn floods_are_folded_and_denials_are_not() {
        let (mut events, mut notices) = (Vec::new(), Vec::new());
        let mut journal = Journal::new(&mut events, &mut notices);
        // All within one second for the journal, however slow the machine.
        for _ in 0..PER_SECOND + 5 {
            journal.window = Instant::now();
            journal.exec(event(Verdict::Allow));
        }
        journal.exec(event(Verdict::Deny));
        journal.exec(event(Verdict::Deny));
        let text = String::from_utf8(events).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), PER_SECOND as usize + 2);
        assert!(lines[lines.len() - 2].contains(r#""folded":5"#));
        assert!(!lines[lines.len() - 1].contains("folded"));
        assert!(notices.is_empty());
    }

    #[test]
    fn a_full_disk_is_told_once() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::Error::from_raw_os_error(libc::ENOSPC))
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut notices = Vec::new();
        let mut journal = Journal::new(Full, &mut notices);
        journal.exec(event(Verdict::Allow));
        journal.exec(event(Verdict::Deny));
        assert_eq!(String::from_utf8(notices).unwrap().lines().count(), 1);
    }
}
