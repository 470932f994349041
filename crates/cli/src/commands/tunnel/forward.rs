//! One local connection and its stream.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use mux::{RecvHalf, SendHalf};
use protocol::tunnel::Preamble;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::keeper::{State, Up};
use super::report::Statistics;
use crate::output::message;

/// A connection that comes while the tunnel is broken waits this long for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes local connections through the tunnel.
pub(super) struct Forwarder(Rc<Shared>);

struct Shared {
    states: watch::Receiver<State>,
    remote: u16,
    statistics: Rc<Statistics>,
    verbose: bool,
}

impl Forwarder {
    pub(super) fn new(
        states: watch::Receiver<State>,
        remote: u16,
        statistics: Rc<Statistics>,
        verbose: bool,
    ) -> Self {
        Self(Rc::new(Shared {
            states,
            remote,
            statistics,
            verbose,
        }))
    }

    /// Carries a connection in the background.
    pub(super) fn start(&self, local: TcpStream, port: u16) {
        let shared = self.0.clone();
        shared.statistics.connected();
        tokio::task::spawn_local(async move {
            if shared.verbose {
                message::info(&format!("connection from port {port} opened"));
            }
            let outcome = shared.carry(local, port).await;
            shared.statistics.disconnected();
            if shared.verbose {
                match outcome {
                    Ok(()) => message::info(&format!("connection from port {port} closed")),
                    Err(error) => {
                        message::info(&format!("connection from port {port} closed: {error}"));
                    }
                }
            }
        });
    }
}

impl Shared {
    async fn carry(&self, mut local: TcpStream, port: u16) -> io::Result<()> {
        local.set_nodelay(true)?;
        let outcome = self.relay(&mut local, port).await;
        if outcome.is_err() {
            // The program shall not take what it got for everything.
            let _gone = local.set_zero_linger();
        }
        outcome
    }

    async fn relay(&self, local: &mut TcpStream, port: u16) -> io::Result<()> {
        let up = self.up().await?;
        let (recv, mut send) = up.mux.open()?.into_split();
        let preamble = Preamble {
            remote_port: self.remote.to_string(),
            source_port: up.is_precise.then_some(port),
            ..Preamble::default()
        };
        send.send(preamble.line().into()).await?;
        let (from_local, to_local) = local.split();
        let outward = self.outward(from_local, send);
        let inward = self.inward(recv, to_local);
        tokio::pin!(outward, inward);
        // Both halves are kept until both directions have ended: one that goes
        // earlier gives the stream up.
        tokio::select! {
            sent = &mut outward => {
                let _sent = sent?;
                inward.await?;
            }
            received = &mut inward => {
                let _received = received?;
                // Behind a public server the first end is the end of everything.
                if up.is_precise {
                    outward.await?;
                }
            }
        }
        Ok(())
    }

    /// The tunnel, as soon as it is open.
    async fn up(&self) -> io::Result<Up> {
        let mut states = self.states.clone();
        let is_up = states.wait_for(|state| matches!(state, State::Up(_)));
        let state = tokio::time::timeout(PATIENCE, is_up)
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
            .map_err(io::Error::other)?;
        match &*state {
            State::Up(up) => Ok(up.clone()),
            State::Down => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    async fn outward(&self, mut local: ReadHalf<'_>, mut send: SendHalf) -> io::Result<SendHalf> {
        loop {
            // Room first: what is read is then on its way at once.
            send.reserve().await?;
            let mut chunk = send.chunk();
            let read = chunk.fill(&mut local).await?;
            if read == 0 {
                send.finish();
                return Ok(send);
            }
            self.statistics.sent(read);
            send.send_chunk(chunk).await?;
        }
    }

    async fn inward(&self, mut recv: RecvHalf, mut local: WriteHalf<'_>) -> io::Result<RecvHalf> {
        while let Some(data) = recv.recv().await? {
            self.statistics.received(data.len());
            local.write_all(&data).await?;
        }
        local.shutdown().await?;
        Ok(recv)
    }
}
