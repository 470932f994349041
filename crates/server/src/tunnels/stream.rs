//! One connection through a tunnel: what it asks for, and its bytes in both
//! directions.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mux::{Error, RecvHalf, SendHalf, Session, Stream};
use protocol::tunnel::Preamble;

use super::preamble::{self, NoPreamble};
use super::record::{Meter, Recorder};

/// Once a client that knows no half-closed streams has left one, what is still on
/// its way from the target has this long.
const LINGER: Duration = Duration::from_secs(10);
/// A public agent takes the end of the client's data for the end of everything. So
/// it hears of it only when nothing has come from it for this long.
const HELD_BACK: Duration = Duration::from_secs(30);

/// What all connections of a tunnel share.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) agent: Session,
    pub(super) agent_is_precise: bool,
    pub(super) client_is_precise: bool,
    pub(super) target_port: u16,
    pub(super) recorder: Arc<Recorder>,
}

/// A connection was refused for its port.
#[derive(Clone, Copy, Debug)]
pub(super) struct ForeignPort(pub(super) i64);

impl Passage {
    /// Carries one connection from its first line to its end.
    pub(super) async fn carry(&self, client: Stream) -> Result<(), ForeignPort> {
        let (mut recv, send) = client.into_split();
        let (preamble, rest) = match preamble::read(&mut recv).await {
            Ok(read) => read,
            Err(NoPreamble::Lost(_)) => return Ok(()),
            Err(error) => {
                tracing::debug!(%error, "a connection through a tunnel is refused");
                self.recorder.begin(0, None).end("refused");
                return Ok(());
            }
        };
        let port = preamble.port(self.target_port);
        if port != Ok(self.target_port) {
            let asked = port.map_or(0, i64::from);
            self.recorder
                .begin(asked, preamble.source_port)
                .end("refused");
            return Err(ForeignPort(asked));
        }
        let meter = self
            .recorder
            .begin(i64::from(self.target_port), preamble.source_port);
        let outcome = self.relay(recv, send, rest, &meter).await;
        meter.end(if outcome.is_ok() { "closed" } else { "reset" });
        Ok(())
    }

    async fn relay(
        &self,
        recv: RecvHalf,
        send: SendHalf,
        rest: Bytes,
        meter: &Meter,
    ) -> Result<(), Error> {
        let (agent_recv, mut agent_send) = self.agent.open()?.into_split();
        let line = Preamble {
            remote_port: self.target_port.to_string(),
            ..Preamble::default()
        }
        .line();
        agent_send.send(line.into()).await?;
        meter.sent(rest.len());
        agent_send.send(rest).await?;

        let up = pump(recv, agent_send, |bytes| meter.sent(bytes));
        let down = pump(agent_recv, send, |bytes| meter.received(bytes));
        tokio::pin!(up, down);
        tokio::select! {
            ended = &mut up => {
                let (_recv, mut agent_send) = ended?;
                match (self.client_is_precise, self.agent_is_precise) {
                    (true, true) => {
                        agent_send.finish();
                        finish(down.await?);
                    }
                    (false, _) => {
                        agent_send.finish();
                        let rest = tokio::time::timeout(LINGER, down).await;
                        finish(rest.map_err(|_| Error::Reset)??);
                    }
                    (true, false) => {
                        finish(until_quiet(down, meter).await?);
                        agent_send.finish();
                    }
                }
            }
            ended = &mut down => {
                finish(ended?);
                if self.agent_is_precise {
                    // A public client leaves at the first end; it hears of this one.
                    finish(up.await?);
                }
            }
        }
        Ok(())
    }
}

fn finish((_recv, mut send): (RecvHalf, SendHalf)) {
    send.finish();
}

/// Copies until the end of data.
async fn pump(
    mut from: RecvHalf,
    mut to: SendHalf,
    count: impl Fn(usize),
) -> Result<(RecvHalf, SendHalf), Error> {
    while let Some(data) = from.recv().await? {
        count(data.len());
        to.send(data).await?;
    }
    Ok((from, to))
}

/// Waits for `down`, as long as something comes.
async fn until_quiet(
    mut down: impl Future<Output = Result<(RecvHalf, SendHalf), Error>> + Unpin,
    meter: &Meter,
) -> Result<(RecvHalf, SendHalf), Error> {
    loop {
        let before = meter.total();
        match tokio::time::timeout(HELD_BACK, &mut down).await {
            Ok(ended) => return ended,
            Err(_) if meter.total() > before => {}
            Err(_) => return Err(Error::Reset),
        }
    }
}
