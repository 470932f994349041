//! Orders to the agent itself (`agent-control.md` §14).

mod accounts;
mod info;
mod pty;
mod system;
mod tool;
mod transfer;
mod tunnel;

use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::collector::Collector;
use crate::executor::{FAILURE, StopSignals};
use crate::files::Files;
use crate::inventory::Inventory;
use crate::lenient::without_nulls;
use crate::lifecycle::{Exit, Lifecycle};
use crate::orders::Job;
use crate::pty::Terminals;
use crate::server::{Request, Server};
use crate::tunnel::Tunnels;

/// Actions that end the process leave the report this much time to go out.
const DELAY: Duration = Duration::from_secs(1);
const UNREGISTER_PATH: &str = "/api/servers/servers/-/unregister/";
const UNREGISTER_TIMEOUT: Duration = Duration::from_secs(10);
const POWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Commands that later versions will carry out.
const LATER: [&str; 6] = [
    "firewall",
    "firewall-rollback",
    "firewall-reorder-chains",
    "firewall-reorder-rules",
    "shell",
    "exec",
];

/// Carries out internal commands.
pub(crate) struct Internal {
    /// For what a command asks of the server.
    pub(crate) server: Server,
    /// For what ends the agent.
    pub(crate) lifecycle: Lifecycle,
    /// For `restart` with target `collector`.
    pub(crate) collector: Collector,
    /// For `commit` and `sync`.
    pub(crate) inventory: Inventory,
    /// For `opentunnel` and `closetunnel`.
    pub(crate) tunnels: Tunnels,
    /// For terminals.
    pub(crate) terminals: Terminals,
    /// For transfers and the file browser.
    pub(crate) files: Files,
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
    /// Unregister, then end for good.
    Farewell,
    /// Restart the machine.
    Reboot,
    /// Stop the machine.
    PowerOff,
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
    serde_json::from_str::<Map<String, Value>>(data)
        .and_then(|members| serde_json::from_value(without_nulls(Value::Object(members))))
        .map_err(|error| Answer::failed(format!("the arguments cannot be understood: {error}")))
}

impl Internal {
    /// Carries out one command. Only the first word of its line counts.
    pub(crate) async fn run(&self, job: &Job, stop: &StopSignals) -> Answer {
        let name = job.line.split_whitespace().next().unwrap_or_default();
        if let Some(answer) = accounts::run(self, name, &job.data).await {
            return answer;
        }
        match name {
            "ping" => info::ping(),
            "help" => info::help(),
            "commit" => info::commit(self).await,
            "sync" => info::sync(self, &job.data).await,
            "upload" | "download" => transfer::run(self, name, &job.data).await,
            "rm" => transfer::remove_script(&job.data),
            "openftp" => transfer::browse(self, &job.data, stop).await,
            "restart" => system::restart(self, &job.data).await,
            "opentunnel" => tunnel::open(self, &job.data, stop),
            "openpty" => pty::open(self, &job.data, stop),
            "resizepty" | "refreshpty" => pty::change(self, name, &job.data),
            "closetunnel" => tunnel::close(self, &job.data),
            "quit" => Answer::done("The agent stops.").and_then(Then::Quit),
            "byebye" => Answer::done(
                "The agent unregisters and stops. Removing its package is left to you.",
            )
            .and_then(Then::Farewell),
            "update" => system::update().await,
            "upgrade" => system::upgrade(),
            "reboot" => system::power(name, Then::Reboot),
            "shutdown" => system::power(name, Then::PowerOff),
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
        let server = self.server.clone();
        tokio::spawn(async move {
            tokio::time::sleep(DELAY).await;
            match then {
                Then::Restart => lifecycle.end(Exit::Restart),
                Then::Quit => lifecycle.end(Exit::Stop),
                Then::Farewell => {
                    unregister(&server).await;
                    lifecycle.end(Exit::Stop);
                }
                Then::Reboot => power_tool("reboot", &[]).await,
                Then::PowerOff => power_tool("shutdown", &["now"]).await,
            }
        });
    }
}

async fn unregister(server: &Server) {
    let request = Request::new(Method::DELETE, UNREGISTER_PATH, UNREGISTER_TIMEOUT);
    match server.send(request).await {
        Ok((status, _)) => tracing::info!(%status, "unregistered"),
        Err(error) => tracing::warn!(%error, "could not unregister"),
    }
}

async fn power_tool(program: &str, arguments: &[&str]) {
    let answer = tool::run(program, arguments, POWER_TIMEOUT).await;
    if answer.exit_code != 0 {
        tracing::error!(program, result = answer.result, "failed");
    }
}

/// # Errors
/// Gives the answer that says so when the agent does not run as root.
fn require_root(name: &str) -> Result<(), Answer> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(Answer::failed(format!(
        "{name}: this agent does not run as root; install it as root to allow this"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Example {
        rows: u16,
    }

    #[test]
    fn arguments_may_be_absent_but_not_wrong() {
        assert_eq!(arguments::<Example>(""), Ok(Example::default()));
        assert_eq!(
            arguments::<Example>("{\"other\":1,\"rows\":null}"),
            Ok(Example::default())
        );
        for wrong in ["{", "[1]", "{\"rows\":70000}", "{\"rows\":\"1\"}"] {
            let answer = arguments::<Example>(wrong).unwrap_err();
            assert_eq!(answer.exit_code, FAILURE);
            assert!(answer.result.contains("cannot be understood"));
        }
    }
}
