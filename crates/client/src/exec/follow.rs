//! Seeing a submitted command through: live chunks where there is an event channel,
//! the state by polling in any case (`rest-operations.md` §4.5–§4.8).

use std::time::Duration;

use protocol::command::Status;
use protocol::event::{COMMAND_FIN, COMMAND_OUTPUT};
use tokio::time::Instant;

use super::assembler::{Assembler, Place};
use super::{Notice, Observer, Options, Outcome};
use crate::commands::{self, Chunk, Command};
use crate::events::{self, Frame, Listener};
use crate::{Api, Error, decode, pace};

/// Base interval of the state poll.
const TICK: Duration = Duration::from_secs(1);
/// What creating and dialling the channel may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest frame, in bytes.
const MAX_FRAME: usize = 16 << 20;
/// Waits that a throttling server may add in one running period.
const MAX_GRANTS: u32 = 60;

/// A connected event channel.
pub(super) struct Channel {
    id: String,
    listener: Listener,
}

/// Makes a channel and connects to it.
pub(super) async fn connect(api: &Api) -> Result<Channel, Error> {
    let attempt = async {
        let session = events::create_session(api).await?;
        let dialer = api.dialer(CONNECT_TIMEOUT, MAX_FRAME)?;
        let socket = dialer.dial(&session.websocket_url).await?;
        Ok(Channel {
            id: session.channel_id,
            listener: Listener::start(socket, dialer, session.websocket_url),
        })
    };
    tokio::time::timeout(CONNECT_TIMEOUT, Box::pin(attempt))
        .await
        .unwrap_or_else(|_| {
            Err(Error::Timeout {
                host: "the event channel".to_owned(),
                seconds: CONNECT_TIMEOUT.as_secs(),
            })
        })
}

/// A command on its way.
pub(super) struct Follow<'a> {
    api: &'a Api,
    id: String,
    options: Options,
    output: Assembler,
    listener: Option<Listener>,
    gap_closed_until: Option<Instant>,
    started: Instant,
    deadline: Instant,
    hold_until: Option<Instant>,
    failures: u32,
    gap_after_failure: Option<Duration>,
    grants: Grants,
}

/// Extra time given because the server throttles.
#[derive(Default)]
struct Grants {
    count: u32,
    total: Duration,
    announced: bool,
}

/// What a look at the state gave.
enum Look {
    Undecided,
    Done(Box<Command>),
    StillHeld(Box<Command>),
}

impl<'a> Follow<'a> {
    pub(super) fn new(api: &'a Api, id: &str, options: Options) -> Self {
        let now = Instant::now();
        Self {
            api,
            id: id.to_owned(),
            options,
            output: Assembler::default(),
            listener: None,
            gap_closed_until: None,
            started: now,
            deadline: now + options.timeout,
            hold_until: None,
            failures: 0,
            gap_after_failure: None,
            grants: Grants::default(),
        }
    }

    /// Subscribes the channel to the command. Without a subscription the poll does
    /// it alone.
    pub(super) async fn attach(
        &mut self,
        channel: Channel,
        server: &str,
        observer: &mut dyn Observer,
    ) {
        let (api, id) = (self.api, self.id.clone());
        let output = events::subscribe(api, &channel.id, COMMAND_OUTPUT, Some(&id));
        if let Err(error) = output.await {
            observer.notice(Notice::NoLiveOutput(error.to_string()));
            return;
        }
        if !server.is_empty() {
            // Without it the poll finds the end a little later.
            let fin = events::subscribe(api, &channel.id, COMMAND_FIN, Some(server));
            let _ignored: Result<(), Error> = fin.await;
        }
        self.listener = Some(channel.listener);
        // What was written before the subscription stood.
        if let Ok(chunks) = commands::chunks(api, &id, 0, None).await {
            self.show_contiguous(chunks, observer);
        }
    }

    pub(super) fn has_shown(&self) -> bool {
        self.output.has_shown()
    }

    /// Starts the clock of a wait for approval.
    fn begin_hold(&mut self, observer: &mut dyn Observer) {
        if self.hold_until.is_none()
            && let Some(hold) = self.options.hold
        {
            self.hold_until = Some(Instant::now() + hold);
            observer.notice(Notice::Held);
        }
    }

    /// Waits for the end, showing output on the way.
    pub(super) async fn finish(mut self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        // The end may have come before the subscription that would tell it.
        let is_subscribed = self.listener.is_some();
        let mut next_poll = Instant::now() + if is_subscribed { Duration::ZERO } else { TICK };
        loop {
            let wake = next_poll.min(self.end());
            let look = tokio::select! {
                frame = next_frame(&mut self.listener) => self.on_frame(frame, observer).await,
                () = tokio::time::sleep_until(wake) => {
                    let look = self.poll(observer).await?;
                    next_poll = Instant::now() + self.gap();
                    look
                }
            };
            match look {
                Look::Done(command) => {
                    self.drain(&command, observer).await;
                    return Ok(Outcome::Ended(command));
                }
                Look::StillHeld(command) => return Ok(Outcome::Held(command)),
                Look::Undecided if !self.is_holding() && Instant::now() >= self.deadline => {
                    return Ok(Outcome::TimedOut { id: self.id });
                }
                Look::Undecided => {}
            }
        }
    }

    /// Takes one live chunk.
    pub(super) async fn take(&mut self, chunk: Chunk, observer: &mut dyn Observer) {
        let last = match self.output.place(chunk.seq) {
            Place::Duplicate => return,
            Place::Next => {
                self.show_contiguous(vec![chunk], observer);
                return;
            }
            Place::AfterGap(last) => last,
        };
        if self
            .gap_closed_until
            .is_some_and(|time| Instant::now() < time)
        {
            return;
        }
        let before = self.output.next();
        let fetched = commands::chunks(self.api, &self.id, before, Some(last)).await;
        let answered = fetched.is_ok();
        let found = fetched.unwrap_or_default();
        self.show_contiguous(found.clone(), observer);
        self.show_contiguous(vec![chunk], observer);
        if self.output.next() > last {
            self.gap_closed_until = None;
            return;
        }
        if self.output.next() == before && self.output.fruitless(answered) {
            let (texts, mut missing) = self.output.take_all(found);
            if self.output.next() <= last {
                missing += self.output.skip(last);
            }
            texts.iter().for_each(|text| observer.output(text));
            observer.notice(Notice::Missing(missing));
            self.gap_closed_until = None;
            return;
        }
        self.gap_closed_until = Some(Instant::now() + self.output.gap_pause());
    }

    async fn on_frame(&mut self, frame: Frame, observer: &mut dyn Observer) -> Look {
        let member = |name: &str| frame.payload.get(name).and_then(|value| value.as_str());
        match frame.event_type.as_str() {
            COMMAND_OUTPUT if member("command_id") == Some(&self.id) => {
                if let Ok(chunk) = decode::from_value::<Chunk>(frame.payload) {
                    self.take(chunk, observer).await;
                }
            }
            COMMAND_FIN if member("id") == Some(&self.id) => {
                // A failed read and a state that is not final are left to the poll.
                if let Ok(command) = commands::get(self.api, &self.id).await
                    && command.state().is_some_and(Status::is_final)
                {
                    return Look::Done(Box::new(command));
                }
            }
            _ => {}
        }
        Look::Undecided
    }

    async fn poll(&mut self, observer: &mut dyn Observer) -> Result<Look, Error> {
        let command = match commands::get(self.api, &self.id).await {
            Ok(command) => command,
            Err(error @ Error::Decode { .. }) => return Err(error),
            Err(error) => {
                self.on_failure(&error, observer);
                return Ok(Look::Undecided);
            }
        };
        self.failures = 0;
        match command.state() {
            Some(state) if state.is_running() => {
                self.deadline = Instant::now() + self.options.timeout;
                self.hold_until = None;
                self.grants = Grants::default();
                Ok(Look::Undecided)
            }
            Some(Status::AwaitingApproval) => Ok(self.on_hold(command, observer)),
            // Shown for a moment between the approval and the delivery.
            Some(Status::Error) if self.is_holding() => Ok(Look::Undecided),
            _ => Ok(Look::Done(Box::new(command))),
        }
    }

    fn on_hold(&mut self, command: Command, observer: &mut dyn Observer) -> Look {
        self.begin_hold(observer);
        if self.is_holding() {
            Look::Undecided
        } else {
            Look::StillHeld(Box::new(command))
        }
    }

    fn is_holding(&self) -> bool {
        self.hold_until.is_some_and(|end| Instant::now() < end)
    }

    fn on_failure(&mut self, error: &Error, observer: &mut dyn Observer) {
        if error.status() == Some(429) {
            let wait = pace::backoff(TICK, self.failures, error.retry_after());
            let grants = &mut self.grants;
            if grants.count < MAX_GRANTS && grants.total + wait <= self.options.timeout {
                grants.count += 1;
                grants.total += wait;
                self.deadline += wait;
            }
            if !grants.announced {
                grants.announced = true;
                observer.notice(Notice::Throttled);
            }
        }
        self.gap_after_failure = Some(pace::backoff(TICK, self.failures, error.retry_after()));
        self.failures = self.failures.saturating_add(1);
    }

    fn gap(&mut self) -> Duration {
        self.gap_after_failure
            .take()
            .unwrap_or_else(|| pace::aging(TICK, self.started.elapsed()))
    }

    /// When to look even if no poll is due.
    fn end(&self) -> Instant {
        self.hold_until
            .filter(|end| Instant::now() < *end)
            .unwrap_or(self.deadline)
    }

    fn show_contiguous(&mut self, chunks: Vec<Chunk>, observer: &mut dyn Observer) {
        for text in self.output.continue_with(chunks) {
            observer.output(&text);
        }
    }

    /// Fetches what is left once the command has ended.
    async fn drain(&mut self, command: &Command, observer: &mut dyn Observer) {
        let next = self.output.next();
        if let Ok(chunks) = commands::chunks(self.api, &self.id, next, None).await {
            let (texts, missing) = self.output.take_all(chunks);
            texts.iter().for_each(|text| observer.output(text));
            if missing > 0 {
                observer.notice(Notice::Missing(missing));
            }
        }
        if let Some((first, last)) = self.output.skipped_range() {
            let fetched = commands::chunks(self.api, &self.id, first, Some(last)).await;
            let late = self.output.late(fetched.unwrap_or_default());
            if !late.is_empty() {
                observer.notice(Notice::Late);
                late.iter().for_each(|text| observer.output(text));
            }
        }
        if !self.output.has_shown() {
            show_result(command, observer);
        }
    }
}

/// Shows `result`, for commands that sent no chunks.
pub(super) fn show_result(command: &Command, observer: &mut dyn Observer) {
    if !command.result.is_empty() {
        observer.output(&command.result);
    }
}

/// The next frame; never ready without a channel.
async fn next_frame(listener: &mut Option<Listener>) -> Frame {
    if let Some(open) = listener
        && let Some(frame) = open.next().await
    {
        return frame;
    }
    std::future::pending().await
}
