//! What a reading of a line amounts to, for people and programs.

use serde::Serialize;

use crate::credential;
use crate::environment::changes_what_runs;
use crate::plan::{Flag, Origin, Plan};
use crate::risk::{self, Risk};

/// A reading of a line, explained (`judgment.md` §7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Everything that would run, in source order. What a wrapper runs follows it.
    pub commands: Vec<Step>,
    /// Variables the line sets that change what runs.
    pub environment: Vec<String>,
    /// Files that output goes to.
    pub writes: Vec<String>,
    /// What is noteworthy.
    pub flags: Vec<Flag>,
    /// Why the line is undecidable, if it is. An allow-list denies it.
    pub problem: Option<String>,
    /// How much harm it can do.
    pub risk: Risk,
    /// It runs without a shell.
    pub direct: bool,
    /// Why it would be refused as carrying a credential. Never the credential.
    pub credential: Option<String>,
}

/// One command of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// In canonical form, which rules are compared with.
    pub command: String,
    /// The command that runs it, if it is not in the line itself.
    pub run_by: Option<String>,
    /// It runs as another user.
    pub privileged: bool,
    /// It stands for something that cannot be seen in the line.
    pub hidden: bool,
    /// Only a shell other than bash would run it.
    pub other_reading: bool,
    /// How much harm it can do.
    pub risk: Risk,
    /// The rows of the risk table it falls under.
    pub risks: Vec<&'static str>,
}

/// Explains a reading.
#[must_use]
pub fn explain(plan: &Plan) -> Explanation {
    let step = |command: &crate::SimpleCommand| {
        let rows: Vec<_> = risk::rows(command).collect();
        let run_by = match command.origin {
            Origin::Line => None,
            Origin::Wrapper { wrapper, .. } => plan.commands.get(wrapper),
        };
        Step {
            command: command.canonical(),
            run_by: run_by.map(crate::SimpleCommand::canonical),
            privileged: command.is_privileged(),
            hidden: command.hidden,
            other_reading: command.other_reading,
            risk: rows.iter().map(|row| row.risk).max().unwrap_or_default(),
            risks: rows.iter().map(|row| row.id).collect(),
        }
    };
    let own = plan
        .commands
        .iter()
        .flat_map(|command| &command.assignments);
    let mut environment: Vec<String> = plan
        .assignments
        .iter()
        .chain(own)
        .filter(|assigned| changes_what_runs(&assigned.name))
        .map(|assigned| assigned.name.clone())
        .collect();
    environment.dedup();
    let writes = plan.redirections.iter().filter(|to| to.writes());
    Explanation {
        commands: plan.commands.iter().map(step).collect(),
        environment,
        writes: writes.map(|to| to.target.source().to_owned()).collect(),
        flags: plan.flags.clone(),
        problem: plan.problem.clone(),
        risk: risk::of(plan),
        direct: plan.direct_argv().is_some(),
        credential: credential::find(plan).map(|finding| finding.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_runs_under_what_and_why_it_is_risky() {
        let said = explain(&Plan::read("LD_PRELOAD=/x sudo rm -rf /etc > /tmp/out"));
        let commands: Vec<_> = said.commands.iter().map(|step| &*step.command).collect();
        assert_eq!(commands, ["sudo rm -rf /etc", "rm -rf /etc"]);
        assert_eq!(said.commands[1].run_by.as_deref(), Some("sudo rm -rf /etc"));
        assert!(said.commands[1].privileged);
        assert!(said.commands[1].risks.contains(&"delete-system-path"));
        assert_eq!(said.risk, Risk::Critical);
        assert_eq!(said.environment, ["LD_PRELOAD"]);
        assert_eq!(said.writes, ["/tmp/out"]);
        assert!(!said.direct);
    }

    #[test]
    fn a_credential_is_named_and_not_shown() {
        let said = explain(&Plan::read("mysql --password=hunter2hunter2"));
        let reason = said.credential.unwrap();
        assert!(
            reason.contains("password") && !reason.contains("hunter2"),
            "{reason}"
        );
    }
}
