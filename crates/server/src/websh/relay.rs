//! The task of a terminal: has recorded what the agent sends, then shows it; takes what
//! is typed to the agent; ends with whoever ends first.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Message;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use protocol::id::{
    CommandId, ServerId, TokenId, UserId, WebshSessionId, WorkSessionId, WorkspaceId,
};
use protocol::terminal::{Frame, Incoming, MAX_DATA, Outgoing, WINDOW};
use protocol::websh;
use serde_json::{Value, json};
use store::audit::{Actor, AuditRecord};
use store::entity::websh_session;
use store::websh::WebshEnd;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use super::end::End;
use super::hub::{Bond, Event, Inbox, Live, Role};
use super::link::{Link, Received};
use super::recorder::{RecordError, Recorder};
use super::{cast, open};
use crate::app::SharedApp;
use crate::commands::{InternalOrder, order_internal};
use crate::http::{ApiResult, PublicCtx};
use crate::locks::Footing;

/// A client's URL is good for this long.
const CLIENT_PATIENCE: Duration = Duration::from_secs(60);
/// An agent takes seconds to connect where it is busy; after this it never will.
const AGENT_PATIENCE: Duration = Duration::from_secs(30);
/// An agent that has lost its connection comes back within a minute.
const RECOVERY: Duration = Duration::from_secs(75);
/// What is new is stored so often, and the agent pinged every tenth time.
const TICK: Duration = Duration::from_secs(2);
const TICKS_TO_PING: u32 = 10;
/// A character that is cut off waits this long for its rest.
const CHARACTER_PATIENCE: Duration = Duration::from_millis(50);
/// Most that is recorded at once.
const BATCH: usize = 64 * 1024;
/// From an agent that knows no windows, more than this waits in its socket.
const MAX_PENDING: usize = 256 * 1024;

/// What the task of a terminal needs.
pub(super) struct Relay {
    pub(super) ctx: PublicCtx,
    pub(super) live: Arc<Live>,
    pub(super) actor: Actor,
    /// The command that orders the agent to connect.
    pub(super) order: CommandId,
}

/// Where a terminal stands.
struct Session {
    relay: Relay,
    recorder: Recorder,
    inbox: Inbox,
    link: Option<Link>,
    /// Sent by the agent and not recorded yet.
    pending: BytesMut,
    incoming: Incoming,
    /// What was typed, to the agent.
    outgoing: Outgoing,
    typed: u64,
    /// To be told to the agent.
    ack: bool,
    size: Option<(u16, u16)>,
    exit: Option<i32>,
    is_over: bool,
    writers: usize,
    /// The agent has this long to come, or to come back.
    agent_by: Option<Instant>,
    /// The owner has this long to come.
    client_by: Option<Instant>,
    character_by: Option<Instant>,
    ticks: u32,
    started: bool,
    /// It is known where in its input the agent is.
    is_placed: bool,
}

impl Relay {
    /// Runs the terminal to its end, and records it.
    pub(super) async fn run(self, row: websh_session::Model, inbox: Inbox) {
        let id = self.live.bond.id;
        let opened = Recorder::open(self.ctx.clone(), self.actor.clone(), &row).await;
        let recorder = match opened {
            Ok(recorder) => recorder,
            Err(error) => {
                tracing::error!(session = %id, %error, "a terminal cannot be recorded");
                self.live.screen.finish(End::NotRecorded);
                self.ctx.app.websh.remove(id);
                let totals = store::websh::WebshTotals::default();
                if let Err(error) = self.record_end(End::NotRecorded, None, totals).await {
                    tracing::error!(detail = error.detail, "the end was not recorded");
                }
                return;
            }
        };
        let now = Instant::now();
        let shown = recorder.shown();
        let mut session = Session {
            recorder,
            inbox,
            link: None,
            pending: BytesMut::new(),
            incoming: Incoming {
                received: shown,
                mark: 0,
            },
            outgoing: Outgoing::default(),
            typed: 0,
            ack: false,
            size: None,
            exit: None,
            is_over: false,
            writers: 0,
            agent_by: Some(now + AGENT_PATIENCE),
            client_by: Some(now + CLIENT_PATIENCE),
            character_by: None,
            ticks: 0,
            started: shown > 0,
            is_placed: shown == 0,
            relay: self,
        };
        if session.started {
            // An interrupted session: both sides have to come back.
            session.agent_by = Some(now + RECOVERY);
        }
        let mut end = match session.serve().await {
            Ok(end) => end,
            Err(error) => {
                tracing::error!(session = %id, %error, "a terminal is ended");
                End::NotRecorded
            }
        };
        if end != End::Shell {
            // Everybody is told at once; the recording is finished meanwhile.
            session.relay.live.screen.finish(end);
        }
        if let Some(link) = session.link.take() {
            link.close(end.agent_close_code()).await;
        }
        if end != End::Restart
            && let Err(error) = session.recorder.finish().await
        {
            tracing::error!(session = %id, %error, "the recording was not finished");
            end = End::NotRecorded;
        }
        session.relay.live.screen.finish(end);
        session.relay.ctx.app.websh.remove(id);
        tracing::info!(session = %id, reason = end.reason(), "terminal ended");
        if end == End::Restart {
            return;
        }
        let totals = session.recorder.totals();
        let recorded = session.relay.record_end(end, session.exit, totals).await;
        if let Err(error) = recorded {
            tracing::error!(
                detail = error.detail,
                "the end of a terminal was not recorded"
            );
        }
    }

    async fn record_end(
        &self,
        end: End,
        exit: Option<i32>,
        totals: store::websh::WebshTotals,
    ) -> ApiResult<()> {
        let bond = &self.live.bond;
        let unit = self.ctx.begin().await?;
        let closed = WebshEnd {
            success: end.is_success(),
            reason: end.reason(),
            exit_code: exit.map(i64::from),
        };
        unit.tenant().websh().close(bond.id, totals, closed).await?;
        unit.audit(AuditRecord {
            actor: self.actor.clone(),
            ip: self.ctx.ip.to_string(),
            app: open::SOURCE,
            model: "websh_session",
            object_id: Some(bond.id.0),
            action: "close",
            status_code: StatusCode::OK.as_u16(),
            description: format!("terminal closed: {}", end.reason()),
            data: json!({
                "server": bond.server,
                "session": bond.footing.work_session,
                "bytes_out": totals.bytes_out,
                "bytes_in": totals.bytes_in,
                "exit_code": exit,
            }),
        })
        .await?;
        Ok(unit.commit().await?)
    }

    /// Whether the agent has reported that it does not open the terminal.
    async fn is_refused(&self) -> bool {
        let row = self.ctx.tenant().commands().find(self.order).await;
        matches!(row, Ok(Some(row))
            if row.reported_at.or(row.finished_at).is_some() && row.success != Some(true))
    }

    /// Orders something of an agent that takes no frames.
    async fn order(&self, name: &'static str, arguments: Value) {
        let order = InternalOrder {
            server: self.live.bond.server,
            requested_by: self.live.bond.footing.user,
            name,
            arguments,
        };
        if let Err(error) = Box::pin(order_internal(&self.ctx, order)).await {
            tracing::warn!(detail = error.detail, name, "not ordered");
        }
    }
}

impl Session {
    async fn serve(&mut self) -> Result<End, RecordError> {
        let mut ticks = interval(TICK);
        let mut owner = self.relay.live.screen.follow_owner();
        let shutdown = self.relay.ctx.app.shutdown.clone();
        let live = self.relay.live.clone();
        loop {
            if self.is_over && self.pending.is_empty() {
                return Ok(End::Shell);
            }
            let may_show = live.screen.has_room();
            if may_show && self.show(false).await? {
                continue;
            }
            let reads = self.pending.len() < MAX_PENDING && !self.is_over;
            let sends = self.has_message();
            let sender = self.link.as_ref().map(|link| link.sender.clone());
            let types = self.is_placed && self.outgoing.has_room();
            tokio::select! {
                biased;
                end = live.ended() => return Ok(end),
                () = shutdown.cancelled() => return Ok(End::Restart),
                arrival = self.inbox.agents.recv() => if let Some(arrival) = arrival {
                    self.attach(Link::start(arrival));
                },
                event = self.inbox.events.recv() => if let Some(event) = event
                    && let Some(end) = self.note(event).await?
                {
                    return Ok(end);
                },
                permit = permit(sender), if sends => match permit {
                    Some(permit) => if let Some(message) = self.next_message() {
                        permit.send(message);
                    },
                    None => self.detach(),
                },
                // Before the output, so that a flood of it can be interrupted.
                bytes = self.inbox.input.recv(), if types => {
                    if let Some(bytes) = bytes {
                        self.typed += bytes.len() as u64;
                        self.recorder.typed(self.typed, bytes.clone());
                        self.outgoing.push(self.typed, bytes);
                    }
                }
                received = received(&mut self.link), if reads => self.take(received).await?,
                changed = owner.changed(), if !may_show => if changed.is_err() {
                    return Ok(End::ClientLeft);
                },
                () = until(self.character_by) => {
                    self.show(true).await?;
                }
                () = until(self.agent_by) => {
                    return Ok(if self.started { End::AgentLeft } else { End::AgentAbsent });
                }
                () = until(self.client_by) => return Ok(End::ClientAbsent),
                _ = ticks.tick() => if let Some(end) = self.tick().await? {
                    return Ok(end);
                },
            }
        }
    }

    /// Has recorded and shows what is there. False: nothing could be.
    async fn show(&mut self, cut: bool) -> Result<bool, RecordError> {
        self.character_by = None;
        let length = self.pending.len().min(BATCH);
        let bytes = self.pending.get(..length).unwrap_or_default();
        let whole = match cut || self.is_over {
            true => length,
            false => cast::whole_characters(bytes),
        };
        if whole == 0 {
            if length > 0 {
                self.character_by = Some(Instant::now() + CHARACTER_PATIENCE);
            }
            return Ok(false);
        }
        let bytes = self.pending.split_to(whole);
        self.recorder.output(&bytes).await?;
        self.relay.live.screen.push(&bytes);
        self.ack = true;
        Ok(true)
    }

    fn attach(&mut self, link: Link) {
        tracing::info!(session = %self.relay.live.bond.id, framed = link.is_framed, "agent connected");
        self.agent_by = None;
        self.started = true;
        if !link.is_framed {
            // Nobody will say what it took; what is on its way counts as taken.
            self.recorder.forget_typed();
            self.is_placed = true;
        }
        self.link = Some(link);
    }

    fn detach(&mut self) {
        if self.link.take().is_some() {
            tracing::info!(session = %self.relay.live.bond.id, "agent lost");
            self.agent_by = Some(Instant::now() + RECOVERY);
        }
    }

    async fn take(&mut self, received: Received) -> Result<(), RecordError> {
        let bytes = match received {
            Received::Lost => {
                self.detach();
                return Ok(());
            }
            Received::Over => {
                self.is_over = true;
                return Ok(());
            }
            Received::Bytes(bytes) => bytes,
        };
        if !self.link.as_ref().is_some_and(|link| link.is_framed) {
            self.pending.extend_from_slice(&bytes);
            return Ok(());
        }
        let Ok(frame) = Frame::decode(bytes) else {
            self.violated();
            return Ok(());
        };
        let is_greeted = self.link.as_ref().is_some_and(|link| link.is_greeted);
        match frame {
            Frame::Hello { received, mark } if !is_greeted => self.greet(received, mark),
            Frame::Data {
                offset,
                mark,
                bytes,
            } if is_greeted => {
                match self.incoming.accept(offset, mark, &bytes) {
                    Ok(new) => self.pending.extend_from_slice(&new),
                    Err(_) => self.violated(),
                }
                if self.pending.len() as u64 > 2 * WINDOW {
                    self.violated();
                }
            }
            Frame::Ack { received, shown } if is_greeted => {
                if self.outgoing.acknowledge(received).is_err() {
                    self.violated();
                }
                let shown = shown && self.relay.ctx.app.config.websh.record_input;
                self.recorder.taken(received, shown).await?;
            }
            Frame::Exit { status } if is_greeted => {
                self.exit = Some(status);
                self.is_over = true;
            }
            _ => self.violated(),
        }
        Ok(())
    }

    /// The agent has taken `received` bytes of what was typed. One that is ahead of us
    /// was served by a process before this one.
    fn greet(&mut self, received: u64, _mark: u64) {
        if self.outgoing.resume(received).is_err() {
            if self.typed > 0 {
                self.violated();
                return;
            }
            self.outgoing = Outgoing::starting_at(received);
            self.typed = received;
        }
        let Some(link) = &mut self.link else { return };
        link.is_greeted = true;
        self.is_placed = true;
        let hello = Frame::Hello {
            // What waits here came in order, and is not lost with the connection.
            received: self.incoming.received,
            mark: 0,
        };
        // The queue of a new connection is empty.
        let _first = link.sender.try_send(Message::Binary(hello.encode()));
        self.ack = true;
    }

    fn violated(&mut self) {
        tracing::warn!(session = %self.relay.live.bond.id, "an agent broke the protocol");
        self.detach();
    }

    /// Whether there is something to tell the agent.
    fn has_message(&self) -> bool {
        let Some(link) = self.link.as_ref().filter(|link| link.is_greeted) else {
            return false;
        };
        self.outgoing.has_more() || (link.is_framed && (self.ack || self.size.is_some()))
    }

    fn next_message(&mut self) -> Option<Message> {
        let is_framed = self.link.as_ref()?.is_framed;
        if is_framed && let Some((rows, cols)) = self.size.take() {
            return Some(Message::Binary(Frame::Resize { rows, cols }.encode()));
        }
        if is_framed && self.ack {
            self.ack = false;
            let received = self.recorder.shown();
            let shown = false;
            return Some(Message::Binary(Frame::Ack { received, shown }.encode()));
        }
        let frame = self.outgoing.take()?;
        if is_framed {
            return Some(Message::Binary(frame.encode()));
        }
        let Frame::Data { offset, bytes, .. } = frame else {
            return None;
        };
        let _always = self.outgoing.acknowledge(offset + bytes.len() as u64);
        // Nobody says whether it was shown.
        self.recorder.forget_typed();
        Some(Message::Binary(bytes))
    }

    async fn note(&mut self, event: Event) -> Result<Option<End>, RecordError> {
        match event {
            Event::Came { role, read_only } => {
                self.writers += usize::from(!read_only);
                if !read_only {
                    self.client_by = None;
                }
                if role != Role::Owner {
                    self.refresh().await;
                }
            }
            Event::Left { role, read_only } => {
                self.writers = self.writers.saturating_sub(usize::from(!read_only));
                if !read_only && self.writers == 0 {
                    return Ok(Some(End::ClientLeft));
                }
                tracing::debug!(?role, "others go on with the terminal");
            }
            Event::Resized { rows, cols } => {
                self.recorder.resized(rows, cols).await?;
                self.resize(rows, cols).await;
            }
        }
        Ok(None)
    }

    async fn resize(&mut self, rows: u16, cols: u16) {
        self.size = Some((rows, cols));
        if self.link.as_ref().is_some_and(|link| !link.is_framed) {
            let session = self.relay.live.bond.id;
            let arguments = json!({"session_id": session, "rows": rows, "cols": cols});
            self.relay.order(websh::RESIZE, arguments).await;
        }
    }

    /// Has the program in the terminal paint anew, for who came later.
    async fn refresh(&self) {
        let session = self.relay.live.bond.id;
        if self.link.is_some() {
            let arguments = json!({"session_id": session});
            self.relay.order(websh::REFRESH, arguments).await;
        }
    }

    async fn tick(&mut self) -> Result<Option<End>, RecordError> {
        self.ticks = self.ticks.wrapping_add(1);
        // The recording itself is in its files: what is missing is stored next time.
        if let Err(error) = self.recorder.store().await {
            tracing::warn!(session = %self.relay.live.bond.id, %error, "not stored yet");
        }
        if !self.started && self.relay.is_refused().await {
            return Ok(Some(End::AgentRefused));
        }
        if self.ticks.is_multiple_of(TICKS_TO_PING)
            && let Some(link) = &self.link
        {
            // A full queue is sign of life enough, or the writer gives up.
            let _busy = link.sender.try_send(Message::Ping(Bytes::new()));
        }
        let reads = self.pending.len() < MAX_PENDING;
        if reads && self.link.as_ref().is_some_and(Link::is_silent) {
            self.detach();
        }
        Ok(None)
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn received(link: &mut Option<Link>) -> Received {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

/// Room for one message to the agent; `None`: its connection is gone.
async fn permit(sender: Option<mpsc::Sender<Message>>) -> Option<mpsc::OwnedPermit<Message>> {
    match sender {
        Some(sender) => sender.reserve_owned().await.ok(),
        None => std::future::pending().await,
    }
}

/// Takes up the terminals that a process before this one has left open: their agents
/// come back within a minute, or they end.
pub(crate) async fn revive(app: &SharedApp) -> Result<(), store::StoreError> {
    for workspace in app.workspaces.all() {
        let ctx = PublicCtx::internal(app.clone(), workspace);
        let rows = ctx.tenant().websh().open().await?;
        for row in rows {
            let bond = bond(ctx.workspace_id(), &row);
            let folder = super::recorder::folder(&ctx, bond.id);
            let shown = tokio::task::spawn_blocking(move || super::recorder::shown_in(&folder));
            let (live, inbox) = Live::new(bond, shown.await.unwrap_or_default());
            app.websh.insert(live.clone());
            let relay = Relay {
                ctx: ctx.clone(),
                live,
                actor: Actor::system(),
                order: CommandId(row.order_id),
            };
            app.tasks.spawn(relay.run(row, inbox));
        }
    }
    Ok(())
}

fn bond(workspace: WorkspaceId, row: &websh_session::Model) -> Bond {
    Bond {
        id: WebshSessionId(row.id),
        workspace,
        server: ServerId(row.server_id),
        footing: Footing {
            user: row.requested_by.map(UserId),
            token: row.token_id.map(TokenId),
            work_session: row.work_session_id.map(WorkSessionId),
            server: Some(ServerId(row.server_id)),
        },
        login: None,
        agent_shows_key: true,
    }
}

const _: () = assert!(MAX_DATA <= BATCH, "a frame fits a batch");
