//! The guard over real programs. What needs root or python3 passes without doing
//! anything where that is missing, and says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(target_os = "linux")]

mod attacks;
mod behaviour;
mod cost;
mod floor;

use std::path::Path;

use guard::{Account, Depth, Ending, Launch, Mode, Policy, Program, Sink, Verdict};

/// What came out of a guarded run.
#[derive(Debug, Default)]
struct Seen {
    events: Vec<Program>,
    notices: Vec<String>,
}

impl Sink for Seen {
    fn exec(&mut self, event: Program) {
        self.events.push(event);
    }
    fn notice(&mut self, text: &str) {
        self.notices.push(text.to_owned());
    }
}

impl Seen {
    /// Base names of the program files with this verdict.
    fn programs(&self, verdict: Verdict) -> Vec<&str> {
        self.events
            .iter()
            .filter(|event| event.verdict == verdict)
            .map(|event| event.exe.rsplit('/').next().unwrap())
            .collect()
    }

    fn denied(&self) -> Vec<&str> {
        self.programs(Verdict::Deny)
    }
}

fn observing() -> Policy {
    Policy {
        mode: Mode::Observe,
        ..Policy::default()
    }
}

fn allowing(rules: &[&str]) -> Policy {
    Policy {
        commands: Some(rules.iter().map(|rule| (*rule).to_owned()).collect()),
        depth: Depth::All,
        ..Policy::default()
    }
}

fn launch(argv: &[&str]) -> Launch {
    let mut launch = Launch::new(argv.iter().map(Into::into).collect());
    launch.env = [("PATH".into(), "/usr/bin:/bin".into())].into();
    launch
}

fn guarded(policy: &Policy, argv: &[&str]) -> (Ending, Seen) {
    let mut seen = Seen::default();
    let ending = guard::run(policy, &launch(argv), &mut seen).unwrap();
    (ending, seen)
}

fn shell(policy: &Policy, line: &str) -> (Ending, Seen) {
    guarded(policy, &["/bin/sh", "-c", line])
}

fn nobody() -> Account {
    Account {
        uid: 65_534,
        gid: 65_534,
        groups: Vec::new(),
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

fn has_python() -> bool {
    Path::new("/usr/bin/python3").exists()
}

/// A program file in `folder`.
fn write_program(folder: &Path, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = std::fs::canonicalize(folder).unwrap().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}
