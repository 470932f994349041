//! A channel that keeps one subscription alive (`realtime-client.md` §2.4–§2.5).

use std::time::Duration;

use client::error::Error;
use client::{Api, events, pace};
use tokio::time::Instant;

use crate::error::{CliError, Failure};
use crate::output::message;

const HANDSHAKE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(15);
/// Longest frame, in bytes.
const MAX_FRAME: usize = 1 << 20;

/// What comes out of the channel.
pub(super) enum Next {
    /// Bytes of one frame.
    Frame(Vec<u8>),
    /// The channel was lost and stands again; events in between are gone.
    Reconnected,
}

/// One event type, about one target.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) event_type: String,
    pub(super) target: Option<String>,
}

pub(super) struct Channel<'a> {
    api: &'a Api,
    subscription: Subscription,
    socket: client::events::Socket,
}

impl<'a> Channel<'a> {
    /// Connects and subscribes within 15 s.
    pub(super) async fn open(api: &'a Api, subscription: Subscription) -> Result<Self, Failure> {
        let deadline = Instant::now() + CONNECT;
        let mut failures = 0;
        loop {
            let error = match connect(api, &subscription).await {
                Ok(socket) => {
                    return Ok(Self {
                        api,
                        subscription,
                        socket,
                    });
                }
                Err(Attempt::Final(error)) => return Err(error.into()),
                Err(Attempt::Again(error)) => error,
            };
            let pause = pace::reconnect(failures);
            failures += 1;
            if Instant::now() + pause >= deadline {
                return Err(CliError::from(error)
                    .while_doing("the event channel could not be opened")
                    .into());
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// The next frame, over as many connections as it takes.
    pub(super) async fn next(&mut self) -> Next {
        if let Some(bytes) = self.socket.next().await {
            return Next::Frame(bytes);
        }
        message::warning("the event channel was lost; connecting again");
        let mut failures = 0;
        loop {
            tokio::time::sleep(pace::reconnect(failures)).await;
            failures = failures.saturating_add(1);
            if let Ok(socket) = connect(self.api, &self.subscription).await {
                self.socket = socket;
                return Next::Reconnected;
            }
        }
    }
}

enum Attempt {
    Final(Error),
    Again(Error),
}

async fn connect(
    api: &Api,
    subscription: &Subscription,
) -> Result<client::events::Socket, Attempt> {
    let session = events::create_session(api).await.map_err(|error| {
        if error.is_transient() {
            Attempt::Again(error)
        } else {
            Attempt::Final(error)
        }
    })?;
    let socket = events::Socket::dial(api, &session, HANDSHAKE, MAX_FRAME)
        .await
        .map_err(Attempt::Again)?;
    let target = subscription.target.as_deref();
    events::subscribe(api, &session.channel_id, &subscription.event_type, target)
        .await
        .map_err(Attempt::Final)?;
    Ok(socket)
}
