//! Commands about the agent's process and the machine (`agent-control.md` §14.4).

use std::time::Duration;

use serde::Deserialize;

use super::{Answer, Internal, Then, arguments, require_root, tool};
use crate::platform::{Distribution, PackageManager};

/// An update of the whole system.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RestartArguments {
    target: String,
}

/// Restarts the agent, or only the collector.
pub(super) async fn restart(internal: &Internal, data: &str) -> Answer {
    let arguments: RestartArguments = match arguments(data) {
        Ok(arguments) => arguments,
        Err(answer) => return answer,
    };
    if arguments.target != "collector" {
        return Answer::done("The agent restarts.").and_then(Then::Restart);
    }
    match internal.collector.start().await {
        Ok(0) => Answer::done("The collector restarted."),
        Ok(others) => Answer::done(format!(
            "The collector restarted; {others} kinds of measurement are not supported by this \
             version of the agent.",
        )),
        Err(error) => Answer::failed(format!("cannot read the collector's settings: {error}")),
    }
}

/// Updates the packages of the operating system.
pub(super) async fn update() -> Answer {
    if let Err(answer) = require_root("update") {
        return answer;
    }
    let distribution = Distribution::detect();
    let Some((_, manager)) = distribution.classify() else {
        return Answer::failed("update: this distribution is not supported");
    };
    tool::run_all(
        update_steps(manager, distribution.is_tumbleweed()),
        UPDATE_TIMEOUT,
    )
    .await
}

fn update_steps(
    manager: PackageManager,
    tumbleweed: bool,
) -> &'static [(&'static str, &'static [&'static str])] {
    match (manager, tumbleweed) {
        (PackageManager::Apt, _) => &[
            ("apt-get", &["-o", "Acquire::Retries=3", "update"]),
            ("apt-get", &["-o", "Acquire::Retries=3", "upgrade", "-y"]),
            ("apt-get", &["autoremove", "-y"]),
        ],
        (PackageManager::Yum, _) => &[("yum", &["update", "-y"])],
        (PackageManager::Zypper, true) => &[
            ("zypper", &["--non-interactive", "refresh"]),
            ("zypper", &["--non-interactive", "dup"]),
        ],
        (PackageManager::Zypper, false) => &[
            ("zypper", &["--non-interactive", "refresh"]),
            ("zypper", &["--non-interactive", "update"]),
        ],
    }
}

/// Replacing the running agent comes with its packages, later.
pub(super) fn upgrade() -> Answer {
    Answer::failed(
        "upgrade: this version of the agent does not update itself; install the new version \
         on the machine and send restart",
    )
}

/// Restarts or stops the machine.
pub(super) fn power(name: &str, then: Then) -> Answer {
    match require_root(name) {
        Ok(()) => Answer::done(format!("The machine will {name}.")).and_then(then),
        Err(answer) => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_begin_with_fresh_lists() {
        let first = |manager, tumbleweed| update_steps(manager, tumbleweed)[0].1.last().copied();
        assert_eq!(first(PackageManager::Apt, false), Some("update"));
        assert_eq!(first(PackageManager::Zypper, true), Some("refresh"));
        let last = update_steps(PackageManager::Zypper, true).last().unwrap();
        assert_eq!(last.1.last(), Some(&"dup"));
    }
}
