//! One process, its group and its output (`agent-control.md` §12.3).

use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio::io::AsyncReadExt;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::time::sleep_until;

use super::output::Output;
use super::stop::{Stop, StopSignals};
use crate::sys;

/// Output that is not a whole piece waits this long for more.
const FLUSH_AFTER: Duration = Duration::from_millis(100);
/// After the end, descendants may hold the output open for this long.
const PIPE_PATIENCE: Duration = Duration::from_secs(2);
/// One read of output, in bytes.
const READ: usize = 8192;

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its status.
    pub(crate) status: ExitStatus,
    /// Why we ended it, if we did.
    pub(crate) stopped: Option<Stop>,
    /// How long it ran.
    pub(crate) elapsed: Duration,
}

/// Runs `command`, which must make itself a session leader, until it ended, and
/// kills what is left of its process group. What `track` makes of the leader's
/// number is kept until then.
///
/// # Errors
/// When it cannot be started or waited for.
pub(crate) async fn run<T>(
    mut command: std::process::Command,
    output: &mut Output,
    stop: &StopSignals,
    track: impl FnOnce(i32) -> T,
) -> io::Result<Ended> {
    let started = Instant::now();
    let (reader, writer) = io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut command = tokio::process::Command::from(command);
    let mut child = command.spawn()?;
    // It holds our copies of the output's other end.
    drop(command);
    let group = ProcessGroup::of(&child)?;
    let _tracked = track(group.leader.as_raw_nonzero().get());
    let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;

    let stopped = OnceLock::new();
    let pump = pump(&mut child, &group, reader, output);
    let guard = async {
        let reason = stop.wait().await;
        let _first = stopped.set(reason);
        group.kill();
        std::future::pending().await
    };
    let status = tokio::select! {
        status = pump => status?,
        never = guard => never,
    };
    Ok(Ended {
        status,
        stopped: stopped.into_inner(),
        elapsed: started.elapsed(),
    })
}

/// Moves output until the process ended and its output closed.
async fn pump(
    child: &mut Child,
    group: &ProcessGroup,
    mut reader: pipe::Receiver,
    output: &mut Output,
) -> io::Result<ExitStatus> {
    let mut buffer = vec![0; READ];
    let mut flush_at = tokio::time::Instant::now();
    let mut status = None;
    let mut give_up_at = flush_at;
    let mut open = true;
    while open || status.is_none() {
        tokio::select! {
            biased;
            read = reader.read(&mut buffer), if open => {
                let count = read.unwrap_or(0);
                open = count > 0;
                if !output.has_pending() {
                    flush_at = tokio::time::Instant::now() + FLUSH_AFTER;
                }
                output.push(buffer.get(..count).unwrap_or_default()).await;
            }
            ended = group.reap(child), if status.is_none() => {
                status = Some(ended?);
                give_up_at = tokio::time::Instant::now() + PIPE_PATIENCE;
            }
            () = sleep_until(flush_at), if open && output.has_pending() => {
                output.flush_characters().await;
                flush_at = tokio::time::Instant::now() + FLUSH_AFTER;
            }
            () = sleep_until(give_up_at), if status.is_some() => open = false,
        }
    }
    status.ok_or_else(|| io::Error::other("the process ended without a status"))
}

/// The session that a command leads. Dropping it kills what is left.
struct ProcessGroup {
    leader: Pid,
    /// Readable when the leader has ended; absent on kernels before 5.3.
    ended: Option<AsyncFd<OwnedFd>>,
    /// Its number is free for others to use.
    gone: std::sync::atomic::AtomicBool,
}

impl ProcessGroup {
    fn of(child: &Child) -> io::Result<Self> {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the process has no id"))?;
        Ok(Self {
            leader,
            ended: sys::watch_end(leader),
            gone: std::sync::atomic::AtomicBool::new(false),
        })
    }

    /// Waits for the leader's end, and kills the rest of the group while the
    /// leader's number still is its own.
    async fn reap(&self, child: &mut Child) -> io::Result<ExitStatus> {
        if let Some(ended) = &self.ended {
            let _readable = ended.readable().await?;
            self.kill();
        }
        let status = child.wait().await?;
        if self.ended.is_none() {
            self.kill();
        }
        self.gone.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(status)
    }

    fn kill(&self) {
        if !self.gone.load(std::sync::atomic::Ordering::Relaxed) {
            // Nobody left to kill is the usual case.
            let _result = rustix::process::kill_process_group(self.leader, Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::reporter::Reporter;
    use crate::server::Server;

    /// Output that goes nowhere: nobody listens at the server's address.
    fn unheard(folder: &std::path::Path) -> Output {
        let reporter = Reporter::start(Server::unreachable(), folder);
        Output::new(reporter, "c".into())
    }

    fn shell(line: &str) -> std::process::Command {
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", line]);
        let setup = sys::ChildSetup {
            credentials: None,
            directory: c"/".into(),
            or_root_directory: false,
            open_files: None,
        };
        sys::prepare(&mut command, setup);
        command
    }

    fn never() -> StopSignals {
        StopSignals {
            cancel: CancellationToken::new(),
            lifecycle: crate::lifecycle::Lifecycle::default(),
            authority_ends: None,
            deadline: None,
        }
    }

    #[tokio::test]
    async fn a_deadline_ends_the_process_and_keeps_its_output() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = unheard(folder.path());
        let stop = never().with_timeout(Duration::from_millis(200));
        let ended = run(
            shell("echo out; exec sleep 600"),
            &mut output,
            &stop,
            |_| (),
        )
        .await;
        let ended = ended.unwrap();
        assert_eq!(ended.stopped, Some(Stop::TimedOut));
        assert_eq!(ended.status.code(), None);
        assert_eq!(output.captured(), "out\n");
    }

    #[tokio::test]
    async fn output_held_open_from_another_session_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = unheard(folder.path());
        let line = "trap 'exit 0' USR1; \
                    setsid sh -c \"echo \\$\\$; kill -USR1 $$; exec sleep 30\" & wait";
        let ended = run(shell(line), &mut output, &never(), |_| ()).await;
        let ended = ended.unwrap();
        assert_eq!((ended.status.code(), ended.stopped), (Some(0), None));
        let survivor = output.captured().trim().parse().unwrap();
        let survivor = Pid::from_raw(survivor).unwrap();
        // It left the group, so it outlives the command; the test cleans up.
        rustix::process::kill_process(survivor, Signal::KILL).unwrap();
    }
}
