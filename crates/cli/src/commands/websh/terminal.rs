//! The local terminal and the remote one, connected (`cli-core.md` §9.3).

use std::io::{Read as _, Write as _};

use client::Api;
use client::websh::{self, Input, Output, Shown};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::escape::{Escape, Typed};
use super::raw_mode::{self, RawMode};
use crate::error::{CliError, Failure};

/// Pieces that may wait between the threads.
const QUEUE: usize = 16;
/// One read of the keyboard, or of a paste, in bytes.
const READ: usize = 16 * 1024;
const INTERRUPT: u8 = 0x03;

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Everything.
    Interactive,
    /// Nothing is sent; Ctrl-C ends the view.
    Watch,
}

/// How it ended.
enum Ended {
    /// As it should.
    Well,
    Broken(String),
}

/// Runs until either side ends it. `session` is told of the window's size.
pub(super) async fn run(
    api: &Api,
    session: Option<&str>,
    link: (Input, Output),
    mode: Mode,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let raw = RawMode::enter()?;
    let (screen, written) = screen();
    let ended = {
        let resizing = follow_size(api, session);
        tokio::select! {
            ended = exchange(link, mode, &screen) => ended,
            () = signals.any() => Ended::Well,
            never = resizing => never,
        }
    };
    // What is on its way to the screen still gets there.
    drop(screen);
    let _gone = written.await;
    drop(raw);
    match ended {
        Ended::Well => Ok(()),
        Ended::Broken(reason) => {
            let text = format!("the connection to the terminal was lost: {reason}");
            Err(CliError::refusal(text).into())
        }
    }
}

/// Both ways at once: a paste that the host does not take must not keep its output from
/// the screen, or neither would go on.
async fn exchange(
    (input, output): (Input, Output),
    mode: Mode,
    screen: &mpsc::Sender<Vec<u8>>,
) -> Ended {
    tokio::select! {
        ended = show(output, screen) => ended,
        () = send_typed(input, mode) => Ended::Well,
    }
}

async fn show(mut output: Output, screen: &mpsc::Sender<Vec<u8>>) -> Ended {
    loop {
        match output.next().await {
            Shown::Bytes(bytes) => {
                if screen.send(bytes).await.is_err() {
                    return Ended::Broken("standard output was closed".to_owned());
                }
            }
            Shown::Over => return Ended::Well,
            Shown::Broken(reason) => return Ended::Broken(reason),
        }
    }
}

/// Sends what is typed until the user leaves.
async fn send_typed(mut input: Input, mode: Mode) {
    let mut keyboard = keyboard();
    let mut escape = Escape::default();
    while let Some(bytes) = keyboard.recv().await {
        if mode == Mode::Watch {
            if bytes.contains(&INTERRUPT) {
                return;
            }
            continue;
        }
        let (bytes, leaves) = match escape.take(&bytes) {
            Typed::Send(bytes) => (bytes, false),
            Typed::Leave(bytes) => (bytes, true),
        };
        // Where the connection is gone, the output says why.
        let _sent = bytes.is_empty() || input.send(bytes).await;
        if leaves {
            return;
        }
    }
}

/// Tells the server of every change of the window's size. A server that does not know
/// this keeps the first one.
async fn follow_size(api: &Api, session: Option<&str>) -> Ended {
    let (Some(session), Ok(mut changes)) = (session, signal(SignalKind::window_change())) else {
        return std::future::pending().await;
    };
    loop {
        if changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        if let Ok((rows, cols)) = raw_mode::size() {
            let _unknown = websh::resize(api, session, rows, cols).await;
        }
    }
}

/// What is typed, read by a thread of its own: a read cannot be given up.
fn keyboard() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    std::thread::spawn(move || {
        let mut buffer = vec![0; READ];
        while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
            let bytes = buffer.get(..count).unwrap_or_default().to_vec();
            if sender.blocking_send(bytes).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What is shown, written by a thread of its own: a terminal may stop for a while.
fn screen() -> (mpsc::Sender<Vec<u8>>, tokio::sync::oneshot::Receiver<()>) {
    let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(QUEUE);
    let (done, written) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut stdout = std::io::stdout().lock();
        while let Some(bytes) = receiver.blocking_recv() {
            if stdout
                .write_all(&bytes)
                .and_then(|()| stdout.flush())
                .is_err()
            {
                break;
            }
        }
        let _gone = done.send(());
    });
    (sender, written)
}

/// Signals that end the program, the terminal restored.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| CliError::refusal(format!("cannot await signals: {error}")))
        };
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.hangup.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
