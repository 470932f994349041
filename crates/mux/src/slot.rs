//! One stream's two directions.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;

use crate::chunk::Chunk;
use crate::frame::{Encoder, HEADER, Version};
use crate::inbox::Inbox;

/// How far our end of data has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fin {
    /// More may be sent.
    Open,
    /// Follows what is queued.
    Queued,
    /// Is out, or will never be.
    Done,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Somebody holds the receiving side.
    pub(crate) recv_alive: bool,
    /// Somebody holds the sending side.
    pub(crate) send_alive: bool,
    pub(crate) inbox: Inbox,
    pub(crate) reader: Option<Waker>,
    /// The peer sends no more.
    pub(crate) ended: bool,
    /// Given up, by whichever side.
    pub(crate) reset: bool,
    pub(crate) fin: Fin,
    pub(crate) writer: Option<Waker>,
    /// Is in the queue of those who have something to send.
    pub(crate) is_ready: bool,
    pub(crate) syn_due: bool,
    pub(crate) reset_due: bool,
    /// Nobody reads any more: a reset follows our end of data.
    pub(crate) reset_after_fin: bool,
    outbox: VecDeque<Bytes>,
    outbox_bytes: usize,
    // Counters are modulo 2³², as on the wire.
    received: u32,
    consumed: u32,
    unannounced: u32,
    window: u32,
    /// The peer may send up to this count.
    limit: u32,
    update_due: bool,
    sent: u32,
    peer_consumed: u32,
    peer_window: u32,
}

impl Slot {
    pub(crate) fn new(initial_window: u32, is_ours: bool) -> Self {
        Self {
            recv_alive: true,
            send_alive: true,
            inbox: Inbox::default(),
            reader: None,
            ended: false,
            reset: false,
            fin: Fin::Open,
            writer: None,
            is_ready: false,
            syn_due: is_ours,
            reset_due: false,
            reset_after_fin: false,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            received: 0,
            consumed: 0,
            unannounced: 0,
            window: initial_window,
            limit: initial_window,
            update_due: false,
            sent: 0,
            peer_consumed: 0,
            peer_window: initial_window,
        }
    }

    /// Counts data in; false: it exceeds the window.
    pub(crate) fn count_received(&mut self, length: usize, version: Version) -> bool {
        self.received = self.received.wrapping_add(wire(length));
        version == Version::V1 || self.limit.wrapping_sub(self.received) <= i32::MAX as u32
    }

    /// Counts data that the reader took, or that was thrown away.
    pub(crate) fn count_consumed(&mut self, length: usize, version: Version) {
        let is_first = self.consumed == 0;
        self.consumed = self.consumed.wrapping_add(wire(length));
        self.unannounced = self.unannounced.wrapping_add(wire(length));
        if version == Version::V2
            && !self.ended
            && !self.reset
            && (is_first || self.unannounced >= self.window / 2)
        {
            self.update_due = true;
        }
    }

    /// The peer's window.
    pub(crate) fn update(&mut self, consumed: u32, window: u32) {
        self.peer_consumed = consumed;
        self.peer_window = window;
    }

    pub(crate) fn queue(&mut self, frame: Bytes) {
        self.outbox_bytes += frame.len();
        self.outbox.push_back(frame);
    }

    pub(crate) fn outbox_bytes(&self) -> usize {
        self.outbox_bytes
    }

    /// Throws away what is not sent yet.
    pub(crate) fn clear_outbox(&mut self) {
        self.outbox.clear();
        self.outbox_bytes = 0;
    }

    /// Given up: nothing more goes either way, but what arrived can be read.
    pub(crate) fn give_up(&mut self) {
        self.reset = true;
        self.fin = Fin::Done;
        self.update_due = false;
        self.clear_outbox();
    }

    /// Nobody holds it and nothing is left to say.
    pub(crate) fn is_over(&self) -> bool {
        !self.recv_alive
            && !self.send_alive
            && self.fin == Fin::Done
            && !self.syn_due
            && !self.reset_due
    }

    /// The next frame, if one may go now. `next_window`: what to announce.
    pub(crate) fn next_frame(
        &mut self,
        encoder: Encoder,
        id: u32,
        next_window: u32,
    ) -> Option<Bytes> {
        if std::mem::take(&mut self.syn_due) {
            return Some(encoder.syn(id));
        }
        if std::mem::take(&mut self.reset_due) {
            return Some(encoder.reset(id));
        }
        if std::mem::take(&mut self.update_due) {
            self.unannounced = 0;
            self.window = next_window;
            let limit = self.consumed.wrapping_add(next_window);
            // A limit once given is not taken back: the peer may have used it.
            if limit.wrapping_sub(self.limit) <= i32::MAX as u32 {
                self.limit = limit;
            }
            return Some(encoder.update(id, self.consumed, next_window));
        }
        if let Some(frame) = self.next_data(encoder, id) {
            return Some(frame);
        }
        if self.outbox.is_empty() && self.fin == Fin::Queued {
            self.fin = Fin::Done;
            self.reset_due = std::mem::take(&mut self.reset_after_fin) && !self.ended;
            return Some(encoder.fin(id));
        }
        None
    }

    /// Whether [`Self::next_frame`] would give one.
    pub(crate) fn has_frame(&self, version: Version) -> bool {
        self.syn_due
            || self.reset_due
            || self.update_due
            || self
                .outbox
                .front()
                .is_some_and(|frame| self.sendable(frame.len().saturating_sub(HEADER), version) > 0)
            || (self.outbox.is_empty() && self.fin == Fin::Queued)
    }

    fn next_data(&mut self, encoder: Encoder, id: u32) -> Option<Bytes> {
        let payload = self.outbox.front()?.len().saturating_sub(HEADER);
        let sendable = self.sendable(payload, encoder.0);
        if sendable == 0 {
            return None;
        }
        let frame = if sendable < payload {
            let first = self.outbox.front_mut()?;
            self.outbox_bytes = self.outbox_bytes.saturating_sub(sendable);
            Chunk::split(first, sendable, encoder, id)
        } else {
            let frame = self.outbox.pop_front()?;
            self.outbox_bytes = self.outbox_bytes.saturating_sub(frame.len());
            frame
        };
        self.sent = self.sent.wrapping_add(wire(sendable));
        Some(frame)
    }

    /// How much of the first frame's payload the peer's window lets go now. A part
    /// goes only where waiting for more room could be in vain.
    fn sendable(&self, payload: usize, version: Version) -> usize {
        if version == Version::V1 {
            return payload;
        }
        let in_flight = self.sent.wrapping_sub(self.peer_consumed);
        let room = self.peer_window.saturating_sub(in_flight);
        let room_bytes = usize::try_from(room).unwrap_or(usize::MAX);
        if room_bytes >= payload {
            payload
        } else if room > 0 && (in_flight == 0 || room >= self.peer_window / 2) {
            room_bytes
        } else {
            0
        }
    }
}

/// A length as the wire counts it; one piece is far below the limit.
fn wire(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
