//! One terminal from its order to its end.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::{Buf as _, Bytes};
use protocol::auth::extension;
use protocol::terminal::{Frame, Incoming, Outgoing, WINDOW};
use protocol::websh::{CreatePtyChannel, OpenPty, PtyChannel};
use reqwest::{Method, StatusCode};
use rustix::termios::LocalModes;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::link::{self, Reader, Received, Writer};
use super::process::Shell;
use super::spawn::Plan;
use super::{Shared, Wish, spawn};
use crate::auth_socket::Owner;
use crate::executor::{Stop, StopSignals};
use crate::server::Request;
use crate::sys;

/// One read of the terminal, in bytes; public servers expect no more.
const READ: usize = 8192;
/// What a server that knows no windows may make us hold.
const MAX_INPUT: u64 = 4 * WINDOW;
/// For how long a lost connection is looked for.
const RECOVERY: Duration = Duration::from_secs(60);
/// Pauses between attempts to get it back; the last one repeats.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 16, 30];
/// One attempt.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Directory services may take this long to answer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);
/// The server is heard of at least every 20 s.
const SILENCE: Duration = Duration::from_secs(60);
/// After the shell's end, others may hold the terminal open for this long, and show this
/// much: more than the kernel keeps of what the shell wrote.
const LEFTOVER: Duration = Duration::from_millis(500);
const MAX_LEFTOVER: usize = 256 * 1024;
/// The server has this long to take what was shown last; its owner may read slowly.
const LAST_BYTES: Duration = Duration::from_secs(60);
/// The server has this long to take the exit status.
const FAREWELL: Duration = Duration::from_secs(10);
const CHANNELS: &str = "/api/websh/pty-channels/";

/// How one connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The session goes on with another one.
    Lost,
    /// The server ended the session.
    ByServer,
    /// The shell ended and all was sent.
    Shell,
    /// It may not go on.
    Stopped(Stop),
}

/// Runs a terminal to its end.
pub(super) async fn run(
    shared: &Arc<Shared>,
    order: OpenPty,
    url: String,
    wishes: mpsc::Receiver<Wish>,
    stop: &StopSignals,
) {
    let id = order.session_id.clone();
    let is_framed = order
        .extensions
        .iter()
        .any(|name| name == extension::TERMINAL_RESUME);
    let dialled = tokio::select! {
        dialled = link::dial(&shared.server, &url, is_framed) => dialled,
        reason = stop.wait() => {
            tracing::info!(terminal = id, ?reason, "not opened");
            return;
        }
    };
    let (reader, mut writer) = match dialled {
        Ok(link) => link,
        Err(error) => {
            tracing::warn!(terminal = id, %error, "no connection for a terminal");
            return;
        }
    };
    let mut terminal = match open(shared, order, is_framed, wishes).await {
        Ok(terminal) => terminal,
        Err(error) => {
            tracing::warn!(terminal = id, %error, "a terminal was not opened");
            explain(&mut writer, is_framed, &error).await;
            return;
        }
    };
    let owner = Owner::Terminal(id.clone());
    let _tracked = shared.tracker.track(terminal.shell.id(), owner);
    tracing::info!(terminal = id, "terminal opened");
    let ended = terminal.serve(shared, reader, writer, stop).await;
    tracing::info!(terminal = id, ?ended, "terminal closed");
    if ended != Ended::Shell {
        terminal.shell.kill_all();
    }
}

/// Tells why there is no shell: as text, and as a status to servers that take one.
async fn explain(writer: &mut Writer, is_framed: bool, error: &anyhow::Error) {
    let text = Bytes::from(format!("alpamon: {error:#}\r\n"));
    let messages = if is_framed {
        let hello = Incoming::default();
        vec![
            Frame::Hello {
                received: hello.received,
                mark: hello.mark,
            }
            .encode(),
            Frame::Data {
                offset: 0,
                mark: 0,
                bytes: text,
            }
            .encode(),
            Frame::Exit { status: 255 }.encode(),
        ]
    } else {
        vec![text]
    };
    for message in messages {
        if !writer.send(message).await {
            return;
        }
    }
    writer.close().await;
}

async fn open(
    shared: &Shared,
    order: OpenPty,
    is_framed: bool,
    wishes: mpsc::Receiver<Wish>,
) -> anyhow::Result<Terminal> {
    let plan = {
        let (own, order) = (shared.own.clone(), order.clone());
        let made = tokio::task::spawn_blocking(move || Plan::make(&own, &order));
        timeout(LOOKUP_TIMEOUT, made)
            .await
            .context("looking up the account took too long")???
    };
    // On this thread, which lasts: the shell dies with the thread that started it.
    let started = spawn::start(plan, &order, shared.open_files)?;
    Ok(Terminal {
        id: order.session_id,
        is_framed,
        master: sys::watch_terminal(started.master)?,
        shell: Shell::new(started.child)?,
        outgoing: Outgoing::default(),
        incoming: Incoming::default(),
        input: VecDeque::new(),
        held: 0,
        written: 0,
        wishes,
        status: None,
        is_left: false,
        leftover: None,
        is_drained: false,
    })
}

struct Terminal {
    id: String,
    is_framed: bool,
    master: AsyncFd<OwnedFd>,
    shell: Shell,
    outgoing: Outgoing,
    incoming: Incoming,
    /// Came and is not written yet.
    input: VecDeque<Bytes>,
    held: u64,
    /// Bytes written to the terminal.
    written: u64,
    wishes: mpsc::Receiver<Wish>,
    /// The shell ended with this.
    status: Option<i32>,
    /// No process holds the terminal open. The shell itself may live on without it.
    is_left: bool,
    /// The shell has ended: until when others are heard, and for how many bytes.
    leftover: Option<(Instant, usize)>,
    /// The shell's last byte was read.
    is_drained: bool,
}

impl Terminal {
    /// Serves connection after connection.
    async fn serve(
        &mut self,
        shared: &Shared,
        reader: Reader,
        writer: Writer,
        stop: &StopSignals,
    ) -> Ended {
        let (mut reader, mut writer) = (reader, writer);
        loop {
            let ended = tokio::select! {
                ended = self.connected(&mut reader, &mut writer) => ended,
                reason = stop.wait() => {
                    writer.close().await;
                    Ended::Stopped(reason)
                }
            };
            if ended != Ended::Lost {
                return ended;
            }
            tracing::info!(terminal = self.id, "the connection of a terminal was lost");
            let found = tokio::select! {
                found = timeout(RECOVERY, recover(shared, &self.id, self.is_framed)) => found,
                reason = stop.wait() => return Ended::Stopped(reason),
            };
            match found {
                Ok(Some(link)) => (reader, writer) = link,
                Ok(None) | Err(_) => return Ended::Lost,
            }
        }
    }

    /// Moves bytes until this connection is over.
    async fn connected(&mut self, reader: &mut Reader, writer: &mut Writer) -> Ended {
        if self.is_framed {
            match self.greet(reader, writer).await {
                Ok(true) => {}
                Ok(false) => return Ended::Lost,
                Err(over) => return over,
            }
        }
        let mut heard = Instant::now();
        let mut give_up = None;
        loop {
            if self.is_drained && self.outgoing.held() == 0 {
                self.farewell(reader, writer).await;
                return Ended::Shell;
            }
            if self.is_drained && give_up.is_none() {
                give_up = Some(Instant::now() + LAST_BYTES);
            }
            let more = self.outgoing.has_more();
            tokio::select! {
                biased;
                received = reader.next() => {
                    heard = Instant::now();
                    match self.take(received) {
                        Ok(()) => {}
                        Err(ended) => return ended,
                    }
                }
                Some(wish) = self.wishes.recv() => self.grant(wish),
                () = std::future::ready(()), if more => {
                    if !self.send(writer).await {
                        return Ended::Lost;
                    }
                }
                written = write(&self.master, self.input.front()), if !self.input.is_empty() => {
                    let Some(shown) = self.wrote(written.ok()) else { continue };
                    let ack = Frame::Ack { received: self.written, shown };
                    if self.is_framed && !writer.send(ack.encode()).await {
                        return Ended::Lost;
                    }
                }
                read = read(&self.master), if self.reads() => self.show(read),
                status = self.shell.ended(), if self.status.is_none() => {
                    self.status = Some(status);
                    self.leftover = Some((Instant::now() + LEFTOVER, MAX_LEFTOVER));
                    self.is_drained = self.is_left;
                }
                () = until(self.leftover.map(|(end, _)| end)), if self.reads() => {
                    self.is_drained = true;
                }
                () = until(give_up) => return Ended::Shell,
                () = sleep_until(heard + SILENCE), if self.is_framed => return Ended::Lost,
            }
        }
    }

    /// Says how far we are and hears how far the server is. False: no connection.
    async fn greet(&mut self, reader: &mut Reader, writer: &mut Writer) -> Result<bool, Ended> {
        let hello = Frame::Hello {
            received: self.incoming.received,
            mark: self.incoming.mark,
        };
        if !writer.send(hello.encode()).await {
            return Ok(false);
        }
        let answer = timeout(ATTEMPT * 2, async {
            loop {
                match reader.next().await {
                    // Keep-alive.
                    Received::Raw(_) => {}
                    other => return other,
                }
            }
        });
        match answer.await {
            Ok(Received::Frame(Frame::Hello { received, .. })) => {
                Ok(self.outgoing.resume(received).is_ok())
            }
            Ok(Received::Over) => Err(Ended::ByServer),
            Ok(_) | Err(_) => Ok(false),
        }
    }

    fn take(&mut self, received: Received) -> Result<(), Ended> {
        match received {
            Received::Over => return Err(Ended::ByServer),
            Received::Lost => return Err(Ended::Lost),
            Received::Raw(bytes) => self.enqueue(bytes)?,
            Received::Frame(Frame::Data {
                offset,
                mark,
                bytes,
            }) => {
                let new = self.incoming.accept(offset, mark, &bytes);
                self.enqueue(new.map_err(|_| Ended::Lost)?)?;
            }
            Received::Frame(Frame::Ack { received, .. }) => {
                self.outgoing
                    .acknowledge(received)
                    .map_err(|_| Ended::Lost)?;
            }
            Received::Frame(Frame::Resize { rows, cols }) => {
                self.grant(Wish::Resize { rows, cols });
            }
            Received::Frame(Frame::Hello { .. } | Frame::Exit { .. }) => return Err(Ended::Lost),
        }
        Ok(())
    }

    fn enqueue(&mut self, bytes: Bytes) -> Result<(), Ended> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.held += bytes.len() as u64;
        if self.held > MAX_INPUT && self.is_framed {
            return Err(Ended::Lost);
        }
        self.input.push_back(bytes);
        Ok(())
    }

    fn grant(&self, wish: Wish) {
        let master = self.master.get_ref();
        let done = match wish {
            Wish::Resize { rows, cols } => spawn::resize(master, rows, cols),
            Wish::Refresh => rustix::termios::tcgetpgrp(master).and_then(|group| {
                rustix::process::kill_process_group(group, rustix::process::Signal::WINCH)
            }),
        };
        if let Err(error) = done {
            tracing::debug!(terminal = self.id, %error, ?wish, "not granted");
        }
    }

    /// Sends one piece. False: the connection is gone.
    async fn send(&mut self, writer: &mut Writer) -> bool {
        let Some(frame) = self.outgoing.take() else {
            return true;
        };
        if self.is_framed {
            return writer.send(frame.encode()).await;
        }
        let Frame::Data { offset, bytes, .. } = frame else {
            return true;
        };
        let end = offset + bytes.len() as u64;
        // Nobody acknowledges here: what was sent counts as taken.
        writer.send(bytes).await && self.outgoing.acknowledge(end).is_ok()
    }

    /// Notes what was written; whether the terminal shows what is typed. `None`: it
    /// takes nothing for now.
    fn wrote(&mut self, written: Option<(usize, bool)>) -> Option<bool> {
        let Some((count, shown)) = written else {
            // The shell is gone, and nobody reads what is typed.
            self.input.clear();
            self.held = 0;
            return None;
        };
        self.written += count as u64;
        self.held = self.held.saturating_sub(count as u64);
        if let Some(front) = self.input.front_mut() {
            front.advance(count.min(front.len()));
            if front.is_empty() {
                self.input.pop_front();
            }
        }
        Some(shown)
    }

    /// Whether the terminal is read: not while too much waits for the server.
    fn reads(&self) -> bool {
        !self.is_left && !self.is_drained && self.outgoing.has_room()
    }

    /// Takes what the terminal shows. `None`: nobody holds it open any more.
    fn show(&mut self, read: Option<Bytes>) {
        let Some(bytes) = read else {
            self.is_left = true;
            self.is_drained = self.status.is_some();
            return;
        };
        if let Some((_, left)) = &mut self.leftover {
            *left = left.saturating_sub(bytes.len());
            self.is_drained = *left == 0;
        }
        self.outgoing.push(0, bytes);
    }

    /// Everything was sent: says how the shell ended.
    async fn farewell(&mut self, reader: &mut Reader, writer: &mut Writer) {
        if self.is_framed {
            let status = self.status.unwrap_or(-1);
            if !writer.send(Frame::Exit { status }.encode()).await {
                return;
            }
            // The server closes when it knows.
            let _late = timeout(FAREWELL, async {
                while !matches!(reader.next().await, Received::Over | Received::Lost) {}
            })
            .await;
        }
        writer.close().await;
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// What the terminal shows next; `None`: nobody holds it open any more.
async fn read(master: &AsyncFd<OwnedFd>) -> Option<Bytes> {
    loop {
        let mut ready = master.readable().await.ok()?;
        let mut buffer = vec![0; READ];
        match ready.try_io(|master| Ok(rustix::io::read(master.get_ref(), &mut buffer[..])?)) {
            Ok(Ok(0)) => return None,
            Ok(Ok(count)) => {
                buffer.truncate(count);
                return Some(buffer.into());
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            // EIO: the last process that held it open is gone.
            Ok(Err(_)) => return None,
            Err(_would_block) => {}
        }
    }
}

/// Writes as much as fits: how much, and whether the terminal shows it.
async fn write(master: &AsyncFd<OwnedFd>, bytes: Option<&Bytes>) -> io::Result<(usize, bool)> {
    let Some(bytes) = bytes else {
        return std::future::pending().await;
    };
    loop {
        let mut ready = master.writable().await?;
        let shown = rustix::termios::tcgetattr(master.get_ref())
            .is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHO));
        match ready.try_io(|master| Ok(rustix::io::write(master.get_ref(), bytes)?)) {
            Ok(Ok(count)) => return Ok((count, shown)),
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            Err(_would_block) => {}
        }
    }
}

/// Another connection for a session. `None`: there will be none.
async fn recover(shared: &Shared, id: &str, is_framed: bool) -> Option<(Reader, Writer)> {
    let mut pauses = PAUSES.into_iter();
    let mut pause = Duration::ZERO;
    loop {
        sleep(pause).await;
        pause = Duration::from_secs(pauses.next().unwrap_or(30));
        let path = match ask(shared, id).await {
            Ok(path) => path,
            Err(error) => {
                tracing::debug!(terminal = id, %error, "no new connection yet");
                continue;
            }
        };
        let url = shared.server.own_websocket_path(&path)?;
        match link::dial(&shared.server, &url, is_framed).await {
            Ok(link) => return Some(link),
            Err(error) => tracing::debug!(terminal = id, %error, "no new connection yet"),
        }
    }
}

async fn ask(shared: &Shared, id: &str) -> anyhow::Result<String> {
    let wanted = CreatePtyChannel {
        session: id.to_owned(),
    };
    let mut request = Request::new(Method::POST, CHANNELS, ATTEMPT);
    request.body = Some(serde_json::to_vec(&wanted)?);
    let (status, body) = shared.server.send(request).await?;
    anyhow::ensure!(
        status == StatusCode::CREATED,
        "the server answered {status}"
    );
    let channel: PtyChannel = serde_json::from_slice(&body)?;
    Ok(channel.websocket_url)
}
