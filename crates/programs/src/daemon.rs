//! A program that runs until it is told to stop.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::ProgramError;

/// Between two looks at a child or a file.
const POLL: Duration = Duration::from_millis(10);
/// For an orderly end when the owner is dropped, before it is killed.
const LAST_PATIENCE: Duration = Duration::from_secs(10);
/// Lines of a log that an error shows.
const TAIL_LINES: usize = 20;

/// Kills the process group named by its argument once its standard input ends,
/// which it does in every way in which its parent can end.
const WATCHDOG: &str = r#"cat >/dev/null; kill -TERM "-$1" 2>/dev/null || exit 0
for i in 1 2 3 4 5; do sleep 1; kill -0 "-$1" 2>/dev/null || exit 0; done
kill -KILL "-$1" 2>/dev/null"#;

/// A running child in a process group of its own, so that a Ctrl-C meant for
/// its parent does not reach it. It is stopped when this value is dropped, and
/// also when the parent dies without dropping anything.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    log: PathBuf,
    child: Child,
    ended: Option<ExitStatus>,
    watchdog: Option<Watchdog>,
}

impl Daemon {
    /// Starts `command`; both of its output streams go to the end of `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self, ProgramError> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(ProgramError::io(format!("open the log {}", log.display())))?;
        let errors = output
            .try_clone()
            .map_err(ProgramError::io("share the log"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(ProgramError::io(format!(
                "start {}",
                command.get_program().to_string_lossy()
            )))?;
        let watchdog = Watchdog::start(child.id()).ok();
        Ok(Self {
            name: name.to_owned(),
            log: log.to_owned(),
            child,
            ended: None,
            watchdog,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.len().saturating_sub(TAIL_LINES);
        lines.get(start..).unwrap_or_default().join("\n")
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        if self.ended.is_some() {
            self.watchdog = None;
        }
        self.ended
    }

    /// Waits until it ends by itself; `None` when it runs on after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits until `ready` gives a value.
    ///
    /// # Errors
    /// When the program ends first or `patience` runs out.
    pub fn wait_until<T>(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, ProgramError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            if let Some(status) = self.ended() {
                return Err(ProgramError::Ended {
                    name: self.name.clone(),
                    status: status.to_string(),
                    log: self.log.clone(),
                    tail: self.log_tail(),
                });
            }
            if Instant::now() >= deadline {
                return Err(ProgramError::NotReady {
                    name: self.name.clone(),
                    patience,
                    log: self.log.clone(),
                    tail: self.log_tail(),
                });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Asks it to end (SIGTERM) and waits; kills its group when it does not
    /// within `patience`, and says so by a status that names the signal.
    pub fn terminate(&mut self, patience: Duration) -> Option<ExitStatus> {
        if self.ended().is_none() {
            self.signal(Signal::TERM);
        }
        match self.wait(patience) {
            Some(status) => Some(status),
            None => self.kill(),
        }
    }

    /// Kills it and whatever shares its process group (SIGKILL).
    pub fn kill(&mut self) -> Option<ExitStatus> {
        if self.ended().is_none() {
            if let Some(group) = self.group() {
                // It may have ended since; then there is nobody to kill.
                let _gone = rustix::process::kill_process_group(group, Signal::KILL);
            }
            self.ended = self.child.wait().ok();
            self.watchdog = None;
        }
        self.ended
    }

    /// Stops it without ending it (SIGSTOP), as a frozen host would.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after [`Self::freeze`].
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    fn signal(&mut self, signal: Signal) {
        if let (None, Some(pid)) = (self.ended(), self.group()) {
            // It may have ended since; the caller sees that by waiting.
            let _gone = rustix::process::kill_process(pid, signal);
        }
    }

    fn group(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.thaw();
        self.terminate(LAST_PATIENCE);
    }
}

/// The shell that outlives us for as long as it takes to stop our child.
#[derive(Debug)]
struct Watchdog {
    shell: Child,
    /// Never written: its end is the message.
    _leash: Option<ChildStdin>,
}

impl Watchdog {
    fn start(group: u32) -> std::io::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", WATCHDOG, "watchdog", &group.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let leash = shell.stdin.take();
        Ok(Self {
            shell,
            _leash: leash,
        })
    }
}

impl Drop for Watchdog {
    /// The child has ended and been reaped: its group id may be reused, so the
    /// watchdog must go before it acts on it.
    fn drop(&mut self) {
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::Daemon;
    use crate::ProgramError;

    const LONG: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn log(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("alpacon-programs-{}-{name}", std::process::id()))
    }

    #[test]
    fn an_early_end_shows_the_log() {
        let log = log("early");
        let mut daemon = Daemon::start("greeter", shell("echo hello; exit 3"), &log).unwrap();
        let error = daemon.wait_until::<()>(LONG, || None).unwrap_err();
        std::fs::remove_file(&log).unwrap();
        let ProgramError::Ended { name, tail, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((name.as_str(), tail.as_str()), ("greeter", "hello"));
        assert_eq!(daemon.ended().and_then(|status| status.code()), Some(3));
    }

    #[test]
    fn terminate_lets_the_program_end_in_its_own_way() {
        let log = log("terminate");
        let script = "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done";
        let mut daemon = Daemon::start("trap", shell(script), &log).unwrap();
        daemon
            .wait_until(LONG, || {
                let text = std::fs::read_to_string(&log).ok()?;
                text.contains("up").then_some(())
            })
            .unwrap();
        let status = daemon.terminate(LONG);
        std::fs::remove_file(&log).unwrap();
        assert_eq!(status.and_then(|status| status.code()), Some(7));
    }

    #[test]
    fn patience_ends() {
        let log = log("patience");
        let mut daemon = Daemon::start("sleeper", shell("exec sleep 60"), &log).unwrap();
        let error = daemon
            .wait_until::<()>(Duration::ZERO, || None)
            .unwrap_err();
        assert!(matches!(error, ProgramError::NotReady { .. }), "{error}");
        daemon.kill();
        std::fs::remove_file(&log).unwrap();
        assert!(daemon.ended().is_some());
    }
}
