//! What is told about the programs of a tree.

use std::io::Write;
use std::time::{Duration, Instant};

use protocol::guard::{Program, ProgramEnd, Verdict};

use crate::supervisor::Ending;

/// Events about allowed programs that a [`Journal`] writes per second.
const PER_SECOND: u32 = 2_000;

/// Who is told. Called from the supervisor's loop, while the program waits.
pub trait Sink {
    /// The first process exists: it has its own copies of this process's standard
    /// streams.
    fn launched(&mut self) {}
    /// A program started, was held or was denied.
    fn exec(&mut self, event: Program);
    /// A program ended.
    fn ended(&mut self, _end: ProgramEnd) {}
    /// The first program of the tree ended.
    fn first_ended(&mut self, _ending: Ending) {}
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

    fn write(&mut self, event: &Program) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.events.write_all(&line)
    }
}

impl<E: Write, N: Write> Sink for Journal<E, N> {
    fn exec(&mut self, mut event: Program) {
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

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn event(verdict: Verdict) -> Program {
        Program {
            seq: 1,
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
            end: None,
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
