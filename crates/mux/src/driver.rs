//! The task of a session: all that touches the pipe.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream as Source, StreamExt as _};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::Error;
use crate::frame::Decoder;
use crate::session::Shared;

/// Frames moved in one turn before other tasks get theirs.
const TURN: usize = 64;

/// The task of a session. Dropping it ends the session.
#[derive(Debug)]
pub struct Driver<T> {
    pipe: T,
    shared: Shared,
    decoder: Decoder,
    input: Bytes,
    unflushed: bool,
    heard: bool,
    timers: Option<Timers>,
}

#[derive(Debug)]
struct Timers {
    keep_alive: Interval,
    silence: Interval,
}

impl<T> Driver<T> {
    pub(crate) fn new(pipe: T, shared: Shared) -> Self {
        let decoder = {
            let state = shared.lock();
            Decoder::new(state.config.version, state.config.resets)
        };
        Self {
            pipe,
            shared,
            decoder,
            input: Bytes::new(),
            unflushed: false,
            heard: false,
            timers: None,
        }
    }
}

impl<T> Driver<T>
where
    T: Source<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Unpin,
{
    /// Moves frames until the session is over. Cancel-safe.
    ///
    /// # Errors
    /// Why it ended; no error when everybody let go of it.
    pub async fn run(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// The pipe, for a farewell that the protocol does not have.
    pub fn pipe_mut(&mut self) -> &mut T {
        &mut self.pipe
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let outcome = match self.poll_work(cx) {
            Ok(false) => return Poll::Pending,
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        let error = outcome.clone().err().unwrap_or(Error::Closed);
        self.shared.lock().finish(error);
        Poll::Ready(outcome)
    }

    /// True: the session is over in good order.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        if let Some(end) = self.shared.lock().end() {
            return Err(end.clone());
        }
        self.poll_timers(cx)?;
        let wrote_all = self.poll_write(cx)?;
        let read_all = self.poll_read(cx)?;
        if !wrote_all || !read_all {
            // The turn is over, not the work.
            cx.waker().wake_by_ref();
        } else if !self.unflushed && self.shared.lock().is_abandoned() {
            return Ok(true);
        }
        Ok(false)
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let timers = self.timers.get_or_insert_with(|| {
            let state = self.shared.lock();
            Timers::start(state.config.keep_alive, state.config.silence)
        });
        while timers.keep_alive.poll_tick(cx).is_ready() {
            let mut state = self.shared.lock();
            state.keep_alive();
            state.relieve();
        }
        while timers.silence.poll_tick(cx).is_ready() {
            let heard = std::mem::take(&mut self.heard);
            // What we do not read cannot be heard.
            if !heard && !self.shared.lock().is_paused(cx.waker()) {
                return Err(Error::Silent);
            }
        }
        Ok(())
    }

    /// False: there is more to write.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        for _ in 0..TURN {
            match self.pipe.poll_ready_unpin(cx) {
                Poll::Ready(ready) => ready.map_err(broken)?,
                Poll::Pending => return Ok(true),
            }
            let Some(frame) = self.shared.lock().next_frame(cx.waker()) else {
                if self.unflushed
                    && let Poll::Ready(flushed) = self.pipe.poll_flush_unpin(cx)
                {
                    flushed.map_err(broken)?;
                    self.unflushed = false;
                }
                return Ok(true);
            };
            self.pipe.start_send_unpin(frame).map_err(broken)?;
            self.unflushed = true;
        }
        Ok(false)
    }

    /// False: there is more to read.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        for _ in 0..TURN {
            if self.input.is_empty() {
                if self.shared.lock().is_paused(cx.waker()) {
                    return Ok(true);
                }
                self.input = match self.pipe.poll_next_unpin(cx) {
                    Poll::Pending => return Ok(true),
                    Poll::Ready(None) => return Err(Error::Ended),
                    Poll::Ready(Some(Err(error))) => return Err(broken(error)),
                    Poll::Ready(Some(Ok(input))) => input,
                };
            }
            let mut state = self.shared.lock();
            while !state.is_paused(cx.waker()) {
                match self.decoder.next(&mut self.input)? {
                    Some(event) => {
                        self.heard = true;
                        state.handle(event)?;
                    }
                    None => break,
                }
            }
            if !self.input.is_empty() {
                // Paused in the middle of what was read.
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl<T> Drop for Driver<T> {
    fn drop(&mut self) {
        self.shared.lock().finish(Error::Closed);
    }
}

impl Timers {
    fn start(keep_alive: std::time::Duration, silence: std::time::Duration) -> Self {
        let every = |period| {
            let mut interval = interval_at(Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
        Self {
            keep_alive: every(keep_alive),
            silence: every(silence),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Error::Ended,
        _ => Error::Pipe(error.to_string()),
    }
}
