//! Orders to the agent itself (`agent-control.md` §14).

mod info;
mod system;

use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::executor::FAILURE;
use crate::lifecycle::{Exit, Lifecycle};
use crate::orders::Job;

/// Actions that end the process leave the report this much time to go out.
const DELAY: Duration = Duration::from_secs(1);

/// Commands that later versions will carry out.
const LATER: [&str; 15] = [
    "upload",
    "download",
    "rm",
    "firewall",
    "firewall-rollback",
    "firewall-reorder-chains",
    "firewall-reorder-rules",
    "openpty",
    "resizepty",
    "refreshpty",
    "openftp",
    "opentunnel",
    "closetunnel",
    "shell",
    "exec",
];

/// Carries out internal commands.
pub(crate) struct Internal {
    /// For what ends the agent.
    pub(crate) lifecycle: Lifecycle,
}

/// How an internal command went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// 0, or what went wrong.
    pub(crate) exit_code: i64,
    /// For the user.
    pub(crate) result: String,
    /// Done after the report is on its way.
    pub(crate) then: Option<Then>,
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Start this program anew.
    Restart,
    /// End for good.
    Quit,
}

impl Answer {
    /// It worked.
    pub(crate) fn done(result: impl Into<String>) -> Self {
        Self {
            exit_code: 0,
            result: result.into(),
            then: None,
        }
    }

    /// It did not.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self {
            exit_code: FAILURE,
            result: reason.into(),
            then: None,
        }
    }

    /// The same, followed by `then`.
    #[must_use]
    pub(crate) fn and_then(self, then: Then) -> Self {
        Self {
            then: Some(then),
            ..self
        }
    }
}

/// Reads the arguments of an internal command; no text stands for none.
///
/// # Errors
/// Gives the answer that names what is wrong with them.
fn arguments<T: DeserializeOwned + Default>(data: &str) -> Result<T, Answer> {
    if data.trim().is_empty() {
        return Ok(T::default());
    }
    serde_json::from_str(data)
        .map_err(|error| Answer::failed(format!("the arguments cannot be understood: {error}")))
}

impl Internal {
    /// Carries out one command. Only the first word of its line counts.
    pub(crate) fn run(job: &Job) -> Answer {
        let name = job.line.split_whitespace().next().unwrap_or_default();
        match name {
            "ping" => info::ping(),
            "help" => info::help(),
            "restart" => system::restart(&job.data),
            "quit" => Answer::done("The agent stops.").and_then(Then::Quit),
            "" => Answer::failed("no command name given"),
            later if LATER.contains(&later) => Answer::failed(format!(
                "{later}: not supported by this version of the agent"
            )),
            unknown => Answer::failed(format!("{unknown}: unknown command; try help")),
        }
    }

    /// Does what an answer announced, a moment later.
    pub(crate) fn afterwards(&self, then: Then) {
        let lifecycle = self.lifecycle.clone();
        tokio::spawn(async move {
            tokio::time::sleep(DELAY).await;
            match then {
                Then::Restart => lifecycle.end(Exit::Restart),
                Then::Quit => lifecycle.end(Exit::Stop),
            }
        });
    }
}
