//! Commands about the agent's process and the machine (`agent-control.md` §14.4).

use serde::Deserialize;

use super::{Answer, Then};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RestartArguments {
    target: String,
}

/// Restarts the agent, or only the collector.
pub(crate) fn restart(data: &str) -> Answer {
    let arguments: RestartArguments = match super::arguments(data) {
        Ok(arguments) => arguments,
        Err(answer) => return answer,
    };
    if arguments.target == "collector" {
        return Answer::done("This version collects no metrics; nothing to restart.");
    }
    Answer::done("The agent restarts.").and_then(Then::Restart)
}
