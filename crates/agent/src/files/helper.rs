//! The agent's end of a worker process.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::{Child, Command, Stdio};

use rustix::fs::FileType;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::worker::{self, Reply, Request};
use crate::executor::Account;
use crate::sys::{self, ChildSetup};

/// Always this program, also when its file was replaced by an update.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// File systems whose files do something when they are written.
const KERNEL_FILES: [i64; 5] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
];

/// What a worker answered, or why it did not.
pub(super) type Answered = Result<(Reply, Option<OwnedFd>), String>;

/// A worker process. Dropping it ends it; what it had not finished is undone.
pub(super) struct Worker {
    child: Child,
    socket: UnixStream,
}

impl Worker {
    /// Starts a worker as `account`. It dies with the calling thread.
    ///
    /// # Errors
    /// When no process can be started.
    pub(super) fn start(account: &Account) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (own, other) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let mut command = command(worker::SUBCOMMAND, account);
        command.stdin(Stdio::from(other)).stdout(Stdio::null());
        let child = command.spawn()?;
        // With it goes our copy of the worker's end.
        drop(command);
        let socket = StdStream::from(own);
        socket.set_nonblocking(true)?;
        Ok(Self {
            child,
            socket: UnixStream::from_std(socket)?,
        })
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, request: &Request) -> Answered {
        let sent = self
            .socket
            .async_io(Interest::WRITABLE, || {
                worker::send(&self.socket, request, None)
            })
            .await;
        if let Err(error) = sent {
            return Err(format!("the file worker cannot be asked: {error}"));
        }
        self.reply().await
    }

    /// Waits for an answer.
    pub(super) async fn reply(&self) -> Answered {
        let received = self
            .socket
            .async_io(Interest::READABLE, || worker::receive(&self.socket))
            .await;
        match received {
            Ok(Some((Reply::Failed { message }, _))) => Err(message),
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err("the file worker ended unexpectedly".to_owned()),
            Err(error) => Err(format!("the file worker cannot be heard: {error}")),
        }
    }
}

/// What starts this program as `account`, for a subcommand that works with files. It
/// dies with the thread that starts it.
pub(super) fn command(subcommand: &str, account: &Account) -> Command {
    let mut command = Command::new(THIS_PROGRAM);
    command.arg(subcommand).env_clear().stderr(Stdio::inherit());
    let setup = ChildSetup {
        credentials: account.credentials.clone(),
        directory: c"/".into(),
        or_root_directory: false,
        open_files: None,
    };
    sys::prepare(&mut command, setup);
    command
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Refuses what no worker would hand out: the worker is the user's process, and
/// the agent must not write for it what only root may write.
///
/// # Errors
/// Says so.
pub(super) fn require_plain_file(file: &OwnedFd) -> Result<(), String> {
    let refused = || Err("the file worker handed out something else than a file".to_owned());
    let Ok(stat) = rustix::fs::fstat(file) else {
        return refused();
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return refused();
    }
    match rustix::fs::fstatfs(file) {
        Ok(system) if KERNEL_FILES.contains(&system.f_type) => refused(),
        Ok(_) => Ok(()),
        Err(_) => refused(),
    }
}
