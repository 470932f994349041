//! One side of a tunnel: a session and the task that drives it.

use mux::{Config, Driver, Error, Role, Session};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::pipe::Pipe;

/// Streams of one tunnel at once.
pub(super) const MAX_STREAMS: usize = 1024;
/// Unread bytes that one side may make us hold.
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;

/// A side that has just connected.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(super) pipe: Pipe,
    /// It speaks version 2: it has windows, resets and half-closed streams.
    pub(super) is_precise: bool,
}

/// One side of a tunnel.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) session: Session,
    /// See [`Arrival`].
    pub(super) is_precise: bool,
    close: watch::Sender<Option<u16>>,
    task: JoinHandle<Error>,
}

impl Leg {
    pub(super) fn start(arrival: Arrival) -> Self {
        let dialect = if arrival.is_precise {
            Config::version_2()
        } else {
            Config::version_1()
        };
        let receive_buffer = dialect.receive_buffer.min(RECEIVE_BUFFER);
        let config = Config {
            max_streams: MAX_STREAMS,
            receive_buffer,
            ..dialect
        };
        let (session, driver) = Session::new(arrival.pipe, config, Role::Server);
        let (close, wish) = watch::channel(None);
        let task = tokio::spawn(drive(driver, wish));
        Self {
            session,
            is_precise: arrival.is_precise,
            close,
            task,
        }
    }

    /// Waits until the side is gone; why.
    pub(super) async fn gone(&mut self) -> Error {
        (&mut self.task).await.unwrap_or(Error::Closed)
    }

    /// Closes it with `code` and waits until it is.
    pub(super) async fn close(mut self, code: u16) {
        // Gone already: then nobody is told.
        let _gone = self.close.send(Some(code));
        if !self.task.is_finished() {
            let _error = self.gone().await;
        }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn drive(mut driver: Driver<Pipe>, mut wish: watch::Receiver<Option<u16>>) -> Error {
    let code = tokio::select! {
        ended = driver.run() => return ended.err().unwrap_or(Error::Closed),
        wished = wish.wait_for(Option::is_some) => wished.ok().and_then(|code| *code),
    };
    if let Some(code) = code {
        driver.pipe_mut().close(code).await;
    }
    Error::Closed
}
