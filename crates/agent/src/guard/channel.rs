//! The thread of a supervisor that talks: moves output, items and answers between the
//! tree and the agent, and watches the clock.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::chunker::Chunker;
use super::frame::{Down, Item, MAX_LINE, Outcome, Up, line};
use super::outbox::Outbox;
use crate::executor::Stop;

/// Output that is not a whole piece waits this long for more.
const FLUSH_AFTER: Duration = Duration::from_millis(100);
/// Allowed programs wait this long for company.
const BATCH_AFTER: Duration = Duration::from_millis(200);
/// After the end, descendants may hold the output open for this long.
const PIPE_PATIENCE: Duration = Duration::from_secs(2);
/// The tree lives this long without an agent.
const ORPHAN_LIMIT: Duration = Duration::from_secs(10 * 60);
/// The outcome waits this long for an agent.
const OUTCOME_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a tree that does not hear is asked again.
const NUDGE: Duration = Duration::from_millis(5);
/// Most bytes on their way to the agent.
const WRITE_AHEAD: usize = 256 * 1024;
const READ: usize = 16 * 1024;

/// What ends the tree, by our own clock.
pub(super) struct Limits {
    pub(super) authority_ends: Option<Instant>,
    pub(super) deadline: Option<Instant>,
}

pub(super) struct Channel {
    outbox: Arc<Outbox>,
    hello: String,
    started: Instant,
    limits: Limits,
    listener: UnixListener,
    agent: Option<Agent>,
    /// Since when nobody is there.
    alone_since: Instant,
    /// The tree's output; closed when it has ended.
    output: Option<OwnedFd>,
    chunker: Chunker,
    flush_at: Option<Instant>,
    next_seq: i64,
    wake: OwnedFd,
    stopped: Option<Stop>,
    outcome_told: bool,
}

/// A connection as it was accepted, with what has been read from it already.
pub(super) struct Connection {
    pub(super) stream: UnixStream,
    pub(super) read: Vec<u8>,
}

/// A connection to the agent.
struct Agent {
    stream: UnixStream,
    read: Vec<u8>,
    write: Vec<u8>,
    /// The last item that was written.
    sent: u64,
}

impl Channel {
    pub(super) fn new(
        outbox: Arc<Outbox>,
        hello: &Up,
        limits: Limits,
        listener: UnixListener,
        connection: Connection,
        output: OwnedFd,
        wake: OwnedFd,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        rustix::io::ioctl_fionbio(&output, true)?;
        rustix::io::ioctl_fionbio(&wake, true)?;
        let mut channel = Self {
            outbox,
            hello: line(hello)?,
            started: Instant::now(),
            limits,
            listener,
            agent: None,
            alone_since: Instant::now(),
            output: Some(output),
            chunker: Chunker::default(),
            flush_at: None,
            next_seq: 0,
            wake,
            stopped: None,
            outcome_told: false,
        };
        channel.take(connection)?;
        channel.obey();
        Ok(channel)
    }

    /// Until everything has been told, or nobody can be told any more.
    pub(super) fn run(mut self) {
        while !self.is_done() {
            self.watch_the_clock();
            self.collect();
            self.fill();
            self.write();
            self.wait();
        }
    }

    fn is_done(&self) -> bool {
        let state = self.outbox.lock();
        let told = state.is_over && self.outcome_told && state.is_empty();
        let hopeless =
            state.is_over && self.agent.is_none() && self.alone_since.elapsed() > OUTCOME_LIMIT;
        told || hopeless
    }

    fn watch_the_clock(&mut self) {
        let now = Instant::now();
        let is_past = |limit: Option<Instant>| limit.is_some_and(|limit| now >= limit);
        if is_past(self.limits.authority_ends) {
            self.stop(Stop::AuthorityEnded);
        } else if is_past(self.limits.deadline) && !self.outcome_told {
            self.stop(Stop::TimedOut);
        } else if self.agent.is_none() && self.alone_since.elapsed() > ORPHAN_LIMIT {
            self.stop(Stop::AgentStopping);
        }
        let overdue: Vec<i64> = {
            let mut state = self.outbox.lock();
            let overdue = |(_, until): &(i64, Instant)| now >= *until;
            let late = state.holds.iter().copied().filter(overdue);
            let late = late.map(|(seq, _)| seq).collect();
            state.holds.retain(|hold| !overdue(hold));
            late
        };
        for seq in overdue {
            self.outbox
                .control
                .answer(seq, false, "nobody answered in time");
        }
        self.outbox.control.nudge();
    }

    fn stop(&mut self, reason: Stop) {
        if self.stopped.is_none() {
            self.stopped = Some(reason);
            self.outbox.stop();
        }
    }

    /// Turns what the tree gave into items.
    fn collect(&mut self) {
        self.read_output();
        let notices = self.outbox.take_notices();
        let mut state = self.outbox.lock();
        if !notices.is_empty() {
            self.chunker.push(&notices);
            // The user is told at once.
            self.flush_at = Some(Instant::now());
        }
        let first_end = state.end.clone();
        let is_over = state.is_over;
        if let Some((_, since)) = &first_end
            && since.elapsed() >= PIPE_PATIENCE
        {
            self.output = None;
        }
        let complete = first_end.is_some() && self.output.is_none();
        let flush = self.flush_at.is_some_and(|at| Instant::now() >= at);
        loop {
            let piece = match self.chunker.next_whole() {
                Some(piece) => Some(piece),
                None if complete => self.chunker.rest(),
                None if flush => self.chunker.characters(),
                None => None,
            };
            let Some(content) = piece else { break };
            let seq = self.next_seq;
            self.next_seq += 1;
            state.push(Item::Output { seq, content });
        }
        if !self.chunker.has_pending() {
            self.flush_at = None;
        } else if flush {
            self.flush_at = Some(Instant::now() + FLUSH_AFTER);
        }
        let waited = (state.batch_since).is_some_and(|since| since.elapsed() >= BATCH_AFTER);
        let closing = complete && !self.outcome_told;
        if state.is_urgent || waited || state.batch_is_full() || closing || is_over {
            state.flush_programs();
        }
        if let Some((end, _)) = first_end
            && closing
        {
            self.outcome_told = true;
            let elapsed = self.started.elapsed().as_millis();
            state.push(Item::Outcome(Outcome {
                end,
                stopped: self.stopped,
                elapsed_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
            }));
        }
    }

    fn read_output(&mut self) {
        let mut buffer = [0; READ];
        while let Some(output) = &self.output {
            if !self.outbox.lock().has_room() {
                return;
            }
            match rustix::io::read(output, &mut buffer) {
                Ok(0) => self.output = None,
                Ok(count) => {
                    if !self.chunker.has_pending() {
                        self.flush_at = Some(Instant::now() + FLUSH_AFTER);
                    }
                    self.chunker.push(buffer.get(..count).unwrap_or_default());
                    if count < READ {
                        // Most often all there is; a poll says if not.
                        return;
                    }
                    let mut state = self.outbox.lock();
                    while let Some(content) = self.chunker.next_whole() {
                        let seq = self.next_seq;
                        self.next_seq += 1;
                        state.push(Item::Output { seq, content });
                    }
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return,
                Err(_) => self.output = None,
            }
        }
    }

    fn fill(&mut self) {
        let Some(agent) = &mut self.agent else { return };
        if agent.write.len() < WRITE_AHEAD {
            let room = WRITE_AHEAD - agent.write.len();
            let (lines, last) = self.outbox.lock().lines_after(agent.sent, room);
            agent.write.extend_from_slice(lines.as_bytes());
            agent.sent = last;
        }
    }

    fn write(&mut self) {
        let Some(agent) = &mut self.agent else { return };
        while !agent.write.is_empty() {
            match agent.stream.write(&agent.write) {
                Ok(count) => {
                    agent.write.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.lose(),
            }
        }
    }

    fn lose(&mut self) {
        self.agent = None;
        self.alone_since = Instant::now();
    }

    fn take(&mut self, connection: Connection) -> io::Result<()> {
        let Connection { stream, read } = connection;
        stream.set_nonblocking(true)?;
        self.agent = Some(Agent {
            stream,
            read,
            write: self.hello.clone().into_bytes(),
            sent: 0,
        });
        Ok(())
    }

    fn wait(&mut self) {
        let timeout = self.timeout();
        let wants_output = self.output.is_some() && self.outbox.lock().has_room();
        let (mut from_agent, mut newcomer, mut output) = (false, false, false);
        {
            let mut fds = vec![
                PollFd::new(&self.wake, PollFlags::IN),
                PollFd::new(&self.listener, PollFlags::IN),
            ];
            if let Some(agent) = &self.agent {
                let mut flags = PollFlags::IN;
                if !agent.write.is_empty() {
                    flags |= PollFlags::OUT;
                }
                fds.push(PollFd::from_borrowed_fd(agent.stream.as_fd(), flags));
            }
            if let (Some(pipe), true) = (&self.output, wants_output) {
                fds.push(PollFd::new(pipe, PollFlags::IN));
            }
            let timeout = Timespec::try_from(timeout).unwrap_or(Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            });
            if poll(&mut fds, Some(&timeout)).is_ok() {
                let is_ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
                newcomer = is_ready(1);
                from_agent = self.agent.is_some() && is_ready(2);
                output = wants_output && is_ready(if self.agent.is_some() { 3 } else { 2 });
            }
        }
        let mut scrap = [0; 64];
        while rustix::io::read(&self.wake, &mut scrap).is_ok_and(|count| count == scrap.len()) {}
        if from_agent {
            self.read_agent();
        }
        if newcomer {
            self.accept();
        }
        if output {
            self.read_output();
        }
    }

    /// Until something is due, at most a second: clocks that are set, and limits that
    /// are far away, need no arithmetic then.
    fn timeout(&self) -> Duration {
        let now = Instant::now();
        let mut due = now + Duration::from_secs(1);
        let mut consider = |at: Option<Instant>| due = at.map_or(due, |at| due.min(at));
        consider(self.flush_at);
        consider(
            self.limits
                .authority_ends
                .filter(|_| self.stopped.is_none()),
        );
        consider(self.limits.deadline.filter(|_| self.stopped.is_none()));
        let state = self.outbox.lock();
        consider(state.batch_since.map(|since| since + BATCH_AFTER));
        consider(state.holds.iter().map(|(_, until)| *until).min());
        if self.output.is_some() {
            consider(state.end.as_ref().map(|(_, since)| *since + PIPE_PATIENCE));
        }
        drop(state);
        if self.outbox.control.nudge() {
            consider(Some(now + NUDGE));
        }
        due.saturating_duration_since(now)
    }

    /// An agent that has come back. Only our own account may be one.
    fn accept(&mut self) {
        let Ok((stream, _)) = self.listener.accept() else {
            return;
        };
        let own = rustix::process::geteuid();
        let is_ours =
            rustix::net::sockopt::socket_peercred(&stream).is_ok_and(|peer| peer.uid == own);
        let connection = Connection {
            stream,
            read: Vec::new(),
        };
        if is_ours && self.take(connection).is_err() {
            self.lose();
        }
    }

    fn read_agent(&mut self) {
        let Some(agent) = &mut self.agent else { return };
        let mut buffer = [0; READ];
        match agent.stream.read(&mut buffer) {
            Ok(0) => return self.lose(),
            Ok(count) => agent
                .read
                .extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return,
            Err(_) => return self.lose(),
        }
        if agent.read.len() > MAX_LINE {
            return self.lose();
        }
        self.obey();
    }

    /// Does what the lines say that have been read whole.
    fn obey(&mut self) {
        let Some(agent) = &mut self.agent else { return };
        let Some(end) = agent.read.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let rest = agent.read.split_off(end + 1);
        let lines = std::mem::replace(&mut agent.read, rest);
        for line in lines.split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(Down::Ack { n }) => self.outbox.acknowledge(n),
                Ok(Down::Stop { reason }) => self.stop(reason),
                Ok(Down::Answer { seq, allow, by }) => {
                    self.outbox.lock().holds.retain(|(held, _)| *held != seq);
                    self.outbox.control.answer(seq, allow, &by);
                }
                // It runs already, or the line is empty.
                Ok(Down::Start { .. }) | Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_with_the_order_is_obeyed() {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let (stream, _agent) = UnixStream::pair().unwrap();
        let (output, _tree) = std::io::pipe().unwrap();
        let (awaken, wake) = std::io::pipe().unwrap();
        let reason = Stop::Cancelled;
        let channel = Channel::new(
            Arc::new(Outbox::new(wake.into())),
            &Up::Hello {
                command: "c".to_owned(),
                pid: 1,
            },
            Limits {
                authority_ends: None,
                deadline: None,
            },
            listener,
            Connection {
                stream,
                read: line(&Down::Stop { reason }).unwrap().into_bytes(),
            },
            output.into(),
            awaken.into(),
        );
        assert_eq!(channel.unwrap().stopped, Some(reason));
    }
}
