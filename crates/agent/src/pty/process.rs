//! The processes of a terminal: waiting for the shell, and ending what is left.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::unix::AsyncFd;

use crate::sys;

/// How often a shell is looked at on kernels that do not tell its end.
const POLL: Duration = Duration::from_millis(100);

/// A login shell. Dropping it kills it and what it left in its session.
#[derive(Debug)]
pub(super) struct Shell {
    child: Child,
    leader: Pid,
    ended: Option<AsyncFd<OwnedFd>>,
    status: Option<i32>,
}

impl Shell {
    pub(super) fn new(child: Child) -> io::Result<Self> {
        let leader = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the process has no id"))?;
        Ok(Self {
            child,
            leader,
            ended: sys::watch_end(leader),
            status: None,
        })
    }

    pub(super) fn id(&self) -> i32 {
        self.leader.as_raw_nonzero().get()
    }

    /// Waits for its end: its exit status as a shell would tell it.
    pub(super) async fn ended(&mut self) -> i32 {
        loop {
            if let Some(status) = self.status {
                return status;
            }
            match &self.ended {
                Some(ended) => drop(ended.readable().await),
                None => tokio::time::sleep(POLL).await,
            }
            match self.child.try_wait() {
                Ok(Some(status)) => self.status = Some(told(status)),
                Ok(None) => {}
                Err(_) => self.status = Some(-1),
            }
        }
    }

    /// Kills every process of the session, the shell last so that its number stays its
    /// own meanwhile.
    pub(super) fn kill_all(&mut self) {
        for process in session_members(self.leader) {
            let _gone = rustix::process::kill_process(process, Signal::KILL);
        }
        if self.status.is_none() {
            let _gone = self.child.kill();
            if let Ok(status) = self.child.wait() {
                self.status = Some(told(status));
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill_all();
        }
    }
}

fn told(status: ExitStatus) -> i32 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => -1,
    }
}

/// The processes of a session but for its leader.
fn session_members(leader: Pid) -> Vec<Pid> {
    let Ok(all) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    all.flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(Pid::from_raw)
        .filter(|process| *process != leader)
        .filter(|process| session_of(*process) == Some(leader.as_raw_nonzero().get()))
        .collect()
}

fn session_of(process: Pid) -> Option<i32> {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    let text = std::fs::read_to_string(path).ok()?;
    // The name in brackets may hold anything; what follows the last one is numbers.
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(3)?.parse().ok()
}
