//! Running one command and bringing its output back (`rest-operations.md` §4.5).
//!
//! Three ways, the first that the server offers:
//! 1. `stream`: the submission answers with the output itself (ours).
//! 2. `follow` with an event channel: the public way.
//! 3. `follow` without one: asking for the state again and again.
//!
//! A command is submitted exactly once. Whatever breaks later, the next way goes on
//! with its id and with the first chunk not yet shown.

mod assembler;
mod follow;
mod stream;

use std::time::Duration;

use crate::commands::{self, Command, Submit};
use crate::{Api, Error, servers};

/// Longest silence since the server last reported the command as running.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Who is told what happens.
pub trait Observer {
    /// The command exists from now on.
    fn submitted(&mut self, id: &str);
    /// Output, in order.
    fn output(&mut self, text: &str);
    /// Something the user should know.
    fn notice(&mut self, notice: Notice);
}

/// What the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// No event channel; output comes at the end.
    NoLiveOutput(String),
    /// The streamed answer was cut; the state is asked for instead.
    StreamLost,
    /// The command waits for a decision, and we for it.
    Held,
    /// The server wants us to ask less often.
    Throttled,
    /// So many chunks never came.
    Missing(u64),
    /// Output that came late and therefore out of order follows.
    Late,
}

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// See [`DEFAULT_TIMEOUT`].
    pub timeout: Duration,
    /// The server knows [`protocol::auth::extension::EXEC_STREAM`].
    pub streamed: bool,
    /// How long to wait for the decision about a held command.
    pub hold: Option<Duration>,
}

/// How it went.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The command ended, or is in a state that we do not know.
    Ended(Box<Command>),
    /// It waits for a decision.
    Held(Box<Command>),
    /// The server stopped reporting it as running.
    TimedOut {
        /// The command.
        id: String,
    },
}

/// Submits what `submit` makes for the server called `server` and sees it through.
///
/// # Errors
/// When the server is unknown, the submission is refused, or an answer makes no
/// sense. Network trouble after the submission is waited out.
pub async fn run(
    api: &Api,
    server: &str,
    submit: impl FnOnce(String) -> Submit,
    options: Options,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    if options.streamed {
        let id = servers::id_by_name(api, server).await?;
        return Box::pin(stream::run(api, &submit(id), options, observer)).await;
    }
    let (channel, id) = tokio::join!(follow::connect(api), servers::id_by_name(api, server));
    let id = id?;
    let channel = match channel {
        Ok(channel) => Some(channel),
        Err(error) => {
            observer.notice(Notice::NoLiveOutput(error.to_string()));
            None
        }
    };
    let submitted = commands::submit(api, &submit(id)).await?;
    observer.submitted(&submitted.id);
    let mut follow = follow::Follow::new(api, &submitted.id, options);
    if let Some(channel) = channel {
        follow.attach(channel, &submitted.server.id, observer).await;
    }
    Box::pin(follow.finish(observer)).await
}
