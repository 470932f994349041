//! Keeps the tunnel open: opens it, and opens it again when it breaks.

use std::time::Duration;

use client::tunnels::{self, Link, Request};
use client::{Error, servers};
use mux::Session as Mux;
use protocol::code;
use protocol::tunnel::close;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::commands::challenge;
use crate::context::{Context, Session};
use crate::error::{CliError, Failure, Kind};
use crate::gate::Denial;
use crate::output::message;
use crate::output::spinner::Spinner;

/// The scope that the gate asks for.
const SCOPE: &str = "tunnel";
/// Pause between attempts to open it again: a restart takes seconds, so the first ones
/// are short.
const SHORT_PAUSE: Duration = Duration::from_millis(200);
const LONG_PAUSE: Duration = Duration::from_secs(3);
/// For how long they are.
const SOON: Duration = Duration::from_secs(20);
/// A tunnel that cannot be opened again for so long is lost.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// One attempt to open it again.
const ATTEMPT: Duration = Duration::from_secs(20);

/// What connections can use.
#[derive(Clone)]
pub(super) enum State {
    /// Wait.
    Down,
    /// Streams can be opened.
    Up(Up),
}

/// An open tunnel.
#[derive(Clone)]
pub(super) struct Up {
    pub(super) mux: Mux,
    /// The server knows our additions.
    pub(super) is_precise: bool,
}

/// Keeps a tunnel open.
pub(super) struct Keeper<'a> {
    context: &'a Context,
    session: Session,
    server: String,
    request: Request,
    state: watch::Sender<State>,
    link: Option<Link>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(
        context: &'a Context,
        session: Session,
        server: String,
        request: Request,
        state: watch::Sender<State>,
    ) -> Self {
        Self {
            context,
            session,
            server,
            request,
            state,
            link: None,
        }
    }

    /// Opens it for the first time. What can be cured is.
    pub(super) async fn open(&mut self) -> Result<(), Failure> {
        let spinner = Spinner::start("Opening the tunnel...");
        let mut opened = self.attempt().await;
        drop(spinner);
        if let Err(error) = opened {
            if !challenge::can_cure(&error) {
                return Err(self.refusal(error));
            }
            let server = self.server.clone();
            challenge::cure(&mut self.session, Some(&server), error).await?;
            opened = self.attempt().await;
        }
        let link = opened.map_err(|error| self.refusal(error))?;
        self.take(link);
        Ok(())
    }

    /// Moves bytes until the tunnel is lost for good.
    pub(super) async fn keep(&mut self) -> Failure {
        loop {
            let Some(link) = &mut self.link else {
                return CliError::refusal("the tunnel is not open").into();
            };
            let ended = link.driver.run().await;
            self.state.send_replace(State::Down);
            self.link = None;
            let reason = ended.err().unwrap_or(mux::Error::Closed);
            message::warning(&format!(
                "tunnel connection lost: {reason}; opening it again"
            ));
            match self.reopen().await {
                Ok(link) => {
                    self.take(link);
                    message::info("the tunnel is open again");
                }
                Err(failure) => return failure,
            }
        }
    }

    /// Says goodbye to the server.
    pub(super) async fn close(&mut self) {
        if let Some(mut link) = self.link.take() {
            link.driver.pipe_mut().close(close::NORMAL).await;
        }
    }

    fn take(&mut self, link: Link) {
        self.state.send_replace(State::Up(Up {
            mux: link.session.clone(),
            is_precise: link.is_precise,
        }));
        self.link = Some(link);
    }

    async fn attempt(&mut self) -> Result<Link, Error> {
        if self.request.server.is_empty() {
            self.request.server = servers::id_by_name(&self.session.api, &self.server).await?;
        }
        let granted = tunnels::open(&self.session.api, &self.request).await?;
        tunnels::connect(&self.session.api, &granted).await
    }

    async fn reopen(&mut self) -> Result<Link, Failure> {
        let lost = Instant::now();
        let mut renewed = false;
        loop {
            let error = match tokio::time::timeout(ATTEMPT, self.attempt()).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            if let Some(error) = error {
                if is_unauthenticated(&error) && !renewed {
                    // A login that can be renewed is, once.
                    renewed = true;
                    self.session = self.context.connect().await?;
                    continue;
                }
                if !may_pass(&error) {
                    return Err(self.refusal(error));
                }
                if lost.elapsed() >= PATIENCE {
                    return Err(CliError::from(error)
                        .while_doing("tunnel connection lost")
                        .into());
                }
            } else if lost.elapsed() >= PATIENCE {
                return Err(CliError::refusal("tunnel connection lost: no answer").into());
            }
            tokio::time::sleep(if lost.elapsed() < SOON {
                SHORT_PAUSE
            } else {
                LONG_PAUSE
            })
            .await;
        }
    }

    /// The refusal in its proper form.
    fn refusal(&self, error: Error) -> Failure {
        if Denial::covers(error.code()) {
            return Denial {
                code: error.code().unwrap_or_default().to_owned(),
                scope: SCOPE,
                server: Some(self.server.clone()),
                auth: self.session.config.auth_method(),
                session: self.request.work_session.clone(),
            }
            .into();
        }
        let is_plain = matches!(
            error.code(),
            Some(code::TUNNEL_PORT_NOT_ALLOWED | code::SERVER_NOT_CONNECTED)
        );
        let mut refusal = CliError::from(error);
        if is_plain {
            refusal.kind = Kind::Refusal;
        }
        refusal.into()
    }
}

/// Whether the same may work in a moment: the server restarts, or its agent does.
fn may_pass(error: &Error) -> bool {
    error.is_transient()
        || matches!(error, Error::Transport(_))
        || error.code() == Some(code::SERVER_NOT_CONNECTED)
}

fn is_unauthenticated(error: &Error) -> bool {
    error.status() == Some(401) && error.code().is_none()
}
