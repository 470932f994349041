//! `ping` and `help`.

use super::Answer;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ping_answers_with_a_time() {
        let answer = ping();
        assert!(chrono::DateTime::parse_from_rfc3339(&answer.result).is_ok());
    }
}
