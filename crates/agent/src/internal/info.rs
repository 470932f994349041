//! Commands that ask or tell about the machine (`agent-control.md` §14.3).

use serde::Deserialize;

use super::{Answer, Internal, arguments};
use crate::inventory::Category;

const HELP: &str = "\
Commands of this agent:
  ping                 answer with the local time
  help                 this list
  commit               send all system information
  sync                 bring changed system information up to date
  restart              start the agent anew
  quit                 stop the agent
  update               update the operating system's packages
  upgrade              update the agent
  reboot, shutdown     restart or stop the machine
  byebye               unregister and remove the agent
  adduser, deluser, moduser
  addgroup, delgroup
";

/// The local time, to show that we are alive.
pub(crate) fn ping() -> Answer {
    Answer::done(chrono::Local::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

/// What there is.
pub(crate) fn help() -> Answer {
    Answer::done(HELP)
}

/// Queues all system information.
pub(super) async fn commit(internal: &Internal) -> Answer {
    internal.inventory.commit(&Category::ALL).await;
    Answer::done("Committed system information.")
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SyncArguments {
    keys: Vec<String>,
}

/// Brings changed system information up to date. Keys we do not know are left to
/// newer agents; `server` stands for the part that every synchronisation has.
pub(super) async fn sync(internal: &Internal, data: &str) -> Answer {
    let SyncArguments { keys } = match arguments(data) {
        Ok(arguments) => arguments,
        Err(answer) => return answer,
    };
    let wanted: Vec<Category> = Category::ALL
        .into_iter()
        .filter(|category| keys.iter().any(|key| key == category.name()))
        .collect();
    if keys.is_empty() {
        internal.inventory.sync_all().await;
    } else {
        internal.inventory.sync(&wanted).await;
    }
    Answer::done("Synchronized system information.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ping_answers_with_a_time() {
        let answer = ping();
        assert!(chrono::DateTime::parse_from_rfc3339(&answer.result).is_ok());
    }
}
