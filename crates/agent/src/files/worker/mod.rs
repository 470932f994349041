//! The worker: a process of its own, as the user, that opens files for the agent
//! and puts them in place. It never sees the network, the agent's key, or a file
//! that the user may not open; the agent moves the bytes through the open files
//! it gets from here.

mod archive;
pub(crate) mod browse;
mod failure;
mod merge;
mod place;
mod read;
mod rules;
mod unpack;
mod window;
mod wire;
mod write;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::FdFlags;

use self::failure::Failure;
pub(crate) use self::failure::words;
use self::read::Outgoing;
pub(crate) use self::wire::{ReceiveRequest, Reply, Request, SendRequest, receive, send};
use self::write::Incoming;

/// Name of the hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "file-worker";

/// Serves the agent on standard input until it is gone.
///
/// # Errors
/// When standard input is not the agent's socket.
pub(crate) fn run() -> anyhow::Result<()> {
    // Nobody of the same account shall look into this process, or be looked for.
    nix::sys::prctl::set_dumpable(false)?;
    nix::sys::prctl::set_no_new_privs()?;
    let input = io::stdin();
    let socket = input.as_fd();
    rustix::io::fcntl_setfd(socket, FdFlags::CLOEXEC)?;
    let mut incoming: Option<Incoming> = None;
    while let Some((request, _)) = receive::<Request>(socket)? {
        let answered = match request {
            Request::Receive(request) => {
                // The place of the file before, if it was given up, goes first.
                drop(incoming.take());
                start_receiving(socket, &request).map(|opened| incoming = opened)
            }
            Request::Commit { unzip } => finish_receiving(socket, incoming.take(), unzip),
            Request::Send(request) => send_out(socket, &request),
        };
        answered?;
    }
    Ok(())
}

fn start_receiving(
    socket: BorrowedFd<'_>,
    request: &ReceiveRequest,
) -> io::Result<Option<Incoming>> {
    let incoming = match Incoming::open(request) {
        Ok(incoming) => incoming,
        Err(failure) => return fail(socket, &failure).map(|()| None),
    };
    let reply = Reply::Opened {
        path: incoming.path().to_string_lossy().into_owned(),
        name: String::new(),
        size: None,
        piped: false,
    };
    send(socket, &reply, Some(incoming.file().as_fd()))?;
    Ok(Some(incoming))
}

fn finish_receiving(
    socket: BorrowedFd<'_>,
    incoming: Option<Incoming>,
    unzip: bool,
) -> io::Result<()> {
    let done = incoming
        .ok_or_else(|| Failure::new("nothing is being received"))
        .and_then(|incoming| incoming.commit(unzip));
    match done {
        Ok(message) => send(socket, &Reply::Done { message }, None),
        Err(failure) => fail(socket, &failure),
    }
}

fn send_out(socket: BorrowedFd<'_>, request: &SendRequest) -> io::Result<()> {
    match Outgoing::open(request) {
        Err(failure) => fail(socket, &failure),
        Ok(Outgoing::File { file, path, size }) => {
            let name = path.file_name().unwrap_or_default();
            let reply = Reply::Opened {
                name: name.to_string_lossy().into_owned(),
                path: path.to_string_lossy().into_owned(),
                size: Some(size),
                piped: false,
            };
            send(socket, &reply, Some(file.as_fd()))
        }
        Ok(Outgoing::Unsized { mut file, path }) => {
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            let path = path.to_string_lossy().into_owned();
            through_pipe(socket, name, path.clone(), |writer| {
                io::copy(&mut file, &mut File::from(writer))
                    .map(|_| format!("sent {path}"))
                    .map_err(|error| Failure::io(&path, &error))
            })
        }
        Ok(Outgoing::Archive(archive)) => {
            let (name, path) = (archive.name(), archive.path());
            through_pipe(socket, name, path, |writer| archive.write(writer))
        }
    }
}

/// Hands out a pipe, then says how writing into it went.
fn through_pipe(
    socket: BorrowedFd<'_>,
    name: String,
    path: String,
    write: impl FnOnce(OwnedFd) -> Result<String, Failure>,
) -> io::Result<()> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let reply = Reply::Opened {
        path,
        name,
        size: None,
        piped: true,
    };
    send(socket, &reply, Some(reader.as_fd()))?;
    drop(reader);
    match write(writer) {
        Ok(message) => send(socket, &Reply::Done { message }, None),
        Err(failure) => fail(socket, &failure),
    }
}

fn fail(socket: BorrowedFd<'_>, failure: &Failure) -> io::Result<()> {
    let message = failure.0.clone();
    send(socket, &Reply::Failed { message }, None)
}
