//! The protocol without I/O: events in, frames out.

use std::collections::{HashMap, VecDeque};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::time::Instant;

use crate::frame::{Encoder, Event, Version};
use crate::slot::{Fin, Slot};
use crate::{Config, Error, Role, Violation};

/// Answers that the peer does not read, beyond which the pipe is not read.
const MAX_CONTROL: usize = 1024;
/// Unsent bytes of all streams, beyond which each may queue one frame only.
const SEND_TOTAL: usize = 4 * 1024 * 1024;
/// The smallest window we announce.
const MIN_WINDOW: u32 = 64 * 1024;

/// The protocol's state of one session.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    pub(crate) encoder: Encoder,
    streams: HashMap<u32, Slot>,
    next_id: Option<u32>,
    unaccepted: VecDeque<u32>,
    control: VecDeque<Bytes>,
    ready: VecDeque<u32>,
    /// Memory of all inboxes, about.
    buffered: usize,
    /// Bytes of all outboxes.
    unsent: usize,
    /// Since when the buffer has been full and nobody has read.
    full_since: Option<Instant>,
    end: Option<Error>,
    /// Handles of the session itself.
    pub(crate) handles: usize,
    driver: Option<Waker>,
    acceptors: Vec<Waker>,
}

impl State {
    pub(crate) fn new(config: Config, role: Role) -> Self {
        Self {
            encoder: Encoder(config.version),
            config,
            streams: HashMap::new(),
            next_id: Some(match role {
                Role::Client => 3,
                Role::Server => 2,
            }),
            unaccepted: VecDeque::new(),
            control: VecDeque::new(),
            ready: VecDeque::new(),
            buffered: 0,
            unsent: 0,
            full_since: None,
            end: None,
            handles: 1,
            driver: None,
            acceptors: Vec::new(),
        }
    }

    // The driver's side.

    /// Takes an event of the peer in.
    pub(crate) fn handle(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Nop => {}
            Event::Syn(id) => self.opened_by_peer(id),
            Event::Data(id, piece) => self.received(id, piece)?,
            Event::Fin(id) => {
                if let Some(slot) = self.streams.get_mut(&id) {
                    slot.ended = true;
                    wake(&mut slot.reader);
                }
            }
            Event::Update {
                stream,
                consumed,
                window,
            } => {
                if let Some(slot) = self.streams.get_mut(&stream) {
                    slot.update(consumed, window);
                    self.make_ready(stream);
                }
            }
            Event::Reset(id) => {
                if let Some(slot) = self.streams.get_mut(&id) {
                    self.unsent = self.unsent.saturating_sub(slot.outbox_bytes());
                    slot.give_up();
                    wake(&mut slot.reader);
                    wake(&mut slot.writer);
                    self.forget_if_over(id);
                }
            }
        }
        Ok(())
    }

    fn opened_by_peer(&mut self, id: u32) {
        if self.streams.contains_key(&id) {
            return;
        }
        if self.handles == 0 || self.streams.len() >= self.config.max_streams {
            self.control.push_back(if self.config.resets {
                self.encoder.reset(id)
            } else {
                self.encoder.fin(id)
            });
            return;
        }
        let slot = Slot::new(self.config.initial_window, false);
        self.streams.insert(id, slot);
        self.unaccepted.push_back(id);
        for acceptor in self.acceptors.drain(..) {
            acceptor.wake();
        }
    }

    fn received(&mut self, id: u32, piece: Bytes) -> Result<(), Violation> {
        let version = self.config.version;
        let Some(slot) = self.streams.get_mut(&id) else {
            return Ok(());
        };
        if slot.ended || slot.reset {
            return Ok(());
        }
        if !slot.count_received(piece.len(), version) {
            return Err(Violation::Window(id));
        }
        if slot.recv_alive {
            let before = slot.inbox.cost();
            slot.inbox.push(piece);
            self.buffered += slot.inbox.cost().saturating_sub(before);
            wake(&mut slot.reader);
        } else {
            slot.count_consumed(piece.len(), version);
            self.make_ready(id);
        }
        Ok(())
    }

    /// Whether the pipe is not to be read now. If so, the driver is woken when it is.
    pub(crate) fn is_paused(&mut self, waker: &Waker) -> bool {
        let full = self.buffered >= self.config.receive_buffer;
        if full {
            self.full_since.get_or_insert_with(Instant::now);
        }
        let paused = full
            || self.unaccepted.len() >= self.config.accept_backlog
            || self.control.len() >= MAX_CONTROL;
        if paused {
            self.driver = Some(waker.clone());
        }
        paused
    }

    /// Gives up the stream that holds most, if the buffer has been full for too long
    /// and others could go on without it.
    pub(crate) fn relieve(&mut self) {
        let stalled = self
            .full_since
            .is_some_and(|since| since.elapsed() >= self.config.stall);
        if !stalled || self.streams.len() < 2 {
            return;
        }
        let most = self
            .streams
            .iter()
            .max_by_key(|(_, slot)| slot.inbox.cost());
        if let Some(id) = most.map(|(id, _)| *id) {
            self.full_since = None;
            self.abort(id);
        }
    }

    /// The next frame to send. None: the driver is woken when there is one.
    pub(crate) fn next_frame(&mut self, waker: &Waker) -> Option<Bytes> {
        if let Some(frame) = self.control.pop_front() {
            return Some(frame);
        }
        let window = self.window();
        while let Some(id) = self.ready.pop_front() {
            let Some(slot) = self.streams.get_mut(&id) else {
                continue;
            };
            slot.is_ready = false;
            let before = slot.outbox_bytes();
            let frame = slot.next_frame(self.encoder, id, window);
            let gone = before.saturating_sub(slot.outbox_bytes());
            self.unsent = self.unsent.saturating_sub(gone);
            if gone > 0 {
                wake(&mut slot.writer);
            }
            if slot.has_frame(self.config.version) {
                slot.is_ready = true;
                self.ready.push_back(id);
            }
            self.forget_if_over(id);
            if frame.is_some() {
                return frame;
            }
        }
        self.driver = Some(waker.clone());
        None
    }

    /// The window to announce: less for each stream, the more there are.
    fn window(&self) -> u32 {
        let each = self.config.receive_buffer / self.streams.len().max(1);
        u32::try_from(each)
            .unwrap_or(u32::MAX)
            .clamp(MIN_WINDOW, self.config.max_window.max(MIN_WINDOW))
    }

    pub(crate) fn keep_alive(&mut self) {
        if self.control.is_empty() {
            self.control.push_back(self.encoder.nop());
        }
    }

    /// Nobody holds anything of the session any more, and everything is said.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.handles == 0 && self.streams.is_empty() && self.control.is_empty()
    }

    /// Ends the session, once; everybody who waits learns it.
    pub(crate) fn finish(&mut self, error: Error) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(error);
        self.control.clear();
        self.ready.clear();
        for slot in self.streams.values_mut() {
            slot.clear_outbox();
            slot.fin = Fin::Done;
            slot.syn_due = false;
            slot.reset_due = false;
            wake(&mut slot.reader);
            wake(&mut slot.writer);
        }
        self.unsent = 0;
        self.streams.retain(|_, slot| !slot.is_over());
        for acceptor in self.acceptors.drain(..) {
            acceptor.wake();
        }
        wake(&mut self.driver);
    }

    pub(crate) fn end(&self) -> Option<&Error> {
        self.end.as_ref()
    }

    pub(crate) fn wake_driver(&mut self) {
        wake(&mut self.driver);
    }

    // The side of handles.

    pub(crate) fn open(&mut self) -> Result<u32, Error> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        if self.streams.len() >= self.config.max_streams {
            return Err(Error::TooManyStreams);
        }
        let id = self.next_id.ok_or(Error::Exhausted)?;
        self.next_id = id.checked_add(2);
        let slot = Slot::new(self.config.initial_window, true);
        self.streams.insert(id, slot);
        self.make_ready(id);
        Ok(id)
    }

    pub(crate) fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<u32, Error>> {
        // Also after the end: what arrived whole can be read.
        if let Some(id) = self.unaccepted.pop_front() {
            wake(&mut self.driver);
            return Poll::Ready(Ok(id));
        }
        if let Some(end) = &self.end {
            return Poll::Ready(Err(end.clone()));
        }
        self.acceptors.push(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn poll_recv(
        &mut self,
        id: u32,
        max: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        let version = self.config.version;
        let Some(slot) = self.streams.get_mut(&id) else {
            return Poll::Ready(Err(self.end.clone().unwrap_or(Error::Closed)));
        };
        let before = slot.inbox.cost();
        if let Some(piece) = slot.inbox.pop(max) {
            let freed = before.saturating_sub(slot.inbox.cost());
            slot.count_consumed(piece.len(), version);
            let was_full = self.buffered >= self.config.receive_buffer;
            self.buffered = self.buffered.saturating_sub(freed);
            self.full_since = None;
            if version == Version::V2 {
                self.make_ready(id);
            }
            if was_full {
                wake(&mut self.driver);
            }
            return Poll::Ready(Ok(Some(piece)));
        }
        if slot.ended {
            return Poll::Ready(Ok(None));
        }
        if slot.reset {
            return Poll::Ready(Err(Error::Reset));
        }
        if let Some(end) = &self.end {
            return Poll::Ready(Err(end.clone()));
        }
        slot.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when a frame may be queued.
    pub(crate) fn poll_reserve(
        &mut self,
        id: u32,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        if let Some(end) = &self.end {
            return Poll::Ready(Err(end.clone()));
        }
        let Some(slot) = self.streams.get_mut(&id) else {
            return Poll::Ready(Err(Error::Closed));
        };
        if slot.reset {
            return Poll::Ready(Err(Error::Reset));
        }
        if slot.fin != Fin::Open {
            return Poll::Ready(Err(Error::Finished));
        }
        let queued = slot.outbox_bytes();
        let has_room =
            queued == 0 || (queued < self.config.send_buffer && self.unsent < SEND_TOTAL);
        if has_room {
            return Poll::Ready(Ok(()));
        }
        slot.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Queues a frame; [`Self::poll_reserve`] was ready.
    pub(crate) fn queue(&mut self, id: u32, frame: Bytes) {
        if let Some(slot) = self.streams.get_mut(&id)
            && slot.fin == Fin::Open
        {
            self.unsent += frame.len();
            slot.queue(frame);
            self.make_ready(id);
        }
    }

    /// Ready when everything queued is with the pipe, the end of data included.
    pub(crate) fn poll_sent(&mut self, id: u32, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(slot) = self.streams.get_mut(&id) else {
            return Poll::Ready(Err(self.end.clone().unwrap_or(Error::Closed)));
        };
        if slot.reset {
            return Poll::Ready(Err(Error::Reset));
        }
        if let Some(end) = &self.end {
            return Poll::Ready(Err(end.clone()));
        }
        if slot.outbox_bytes() == 0 {
            return Poll::Ready(Ok(()));
        }
        slot.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Our data ends after what is queued.
    pub(crate) fn end_of_data(&mut self, id: u32) {
        if let Some(slot) = self.streams.get_mut(&id)
            && slot.fin == Fin::Open
        {
            slot.fin = Fin::Queued;
            self.make_ready(id);
        }
    }

    pub(crate) fn drop_recv(&mut self, id: u32) {
        let version = self.config.version;
        if let Some(slot) = self.streams.get_mut(&id) {
            slot.recv_alive = false;
            self.buffered = self.buffered.saturating_sub(slot.inbox.cost());
            let unread = slot.inbox.bytes();
            slot.inbox.clear();
            slot.count_consumed(unread, version);
            self.let_go(id);
        }
    }

    pub(crate) fn drop_send(&mut self, id: u32) {
        if let Some(slot) = self.streams.get_mut(&id) {
            slot.send_alive = false;
            self.let_go(id);
        }
    }

    /// Once both halves are gone, the peer learns what it has to.
    fn let_go(&mut self, id: u32) {
        let resets = self.config.resets;
        let Some(slot) = self.streams.get_mut(&id) else {
            return;
        };
        if !slot.recv_alive && !slot.send_alive && !slot.reset && self.end.is_none() {
            match slot.fin {
                Fin::Open if resets => self.abort(id),
                Fin::Open => slot.fin = Fin::Queued,
                // What is queued still goes; only the peer's data is in vain.
                Fin::Queued => slot.reset_after_fin = resets,
                Fin::Done => slot.reset_due = resets && !slot.ended,
            }
        }
        self.make_ready(id);
        self.wake_driver();
        self.forget_if_over(id);
    }

    /// A handle of the session is gone. With the last one, nobody accepts any more.
    pub(crate) fn drop_handle(&mut self) {
        self.handles = self.handles.saturating_sub(1);
        if self.handles == 0 {
            for id in std::mem::take(&mut self.unaccepted) {
                self.drop_recv(id);
                self.drop_send(id);
            }
        }
        self.wake_driver();
    }

    /// Gives a stream up in both directions.
    pub(crate) fn abort(&mut self, id: u32) {
        let resets = self.config.resets;
        let Some(slot) = self.streams.get_mut(&id) else {
            return;
        };
        if slot.reset {
            return;
        }
        self.unsent = self.unsent.saturating_sub(slot.outbox_bytes());
        self.buffered = self.buffered.saturating_sub(slot.inbox.cost());
        slot.inbox.clear();
        let fin = slot.fin;
        slot.give_up();
        if slot.syn_due {
            // The peer never heard of it.
            slot.syn_due = false;
        } else if resets {
            slot.reset_due = true;
        } else if fin != Fin::Done {
            slot.fin = Fin::Queued;
        }
        wake(&mut slot.reader);
        wake(&mut slot.writer);
        self.make_ready(id);
        self.wake_driver();
        self.forget_if_over(id);
    }

    fn make_ready(&mut self, id: u32) {
        let version = self.config.version;
        if self.end.is_some() {
            return;
        }
        if let Some(slot) = self.streams.get_mut(&id)
            && !slot.is_ready
            && slot.has_frame(version)
        {
            slot.is_ready = true;
            self.ready.push_back(id);
            wake(&mut self.driver);
        }
    }

    fn forget_if_over(&mut self, id: u32) {
        if self.streams.get(&id).is_some_and(Slot::is_over) {
            self.streams.remove(&id);
        }
    }

    pub(crate) fn stream_count(&self) -> usize {
        self.streams.len()
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
