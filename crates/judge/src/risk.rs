//! How much harm a line can do (`judgment.md` §5).

mod table;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    argument::Argument,
    plan::{Flag, Plan, SimpleCommand},
};

pub use table::{Row, TABLE, VERSION};

/// Classes of harm, least first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Nothing out of the ordinary.
    #[default]
    Low,
    /// Changes that are easily undone.
    Medium,
    /// Interrupts a service, widens access or loses data of one kind.
    High,
    /// Loses a system, its data or its evidence.
    Critical,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// What a workspace does at a risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Run it.
    #[default]
    Allow,
    /// Run it and tell the reviewers.
    AllowAndNotify,
    /// Ask a reviewer first.
    Hold,
    /// Refuse it.
    Deny,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requester {
    /// A person.
    Human,
    /// A program that decides by itself.
    Agent,
    /// A pipeline.
    Ci,
}

/// What is done at each risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskActions {
    /// At [`Risk::Low`].
    pub low: Action,
    /// At [`Risk::Medium`].
    pub medium: Action,
    /// At [`Risk::High`].
    pub high: Action,
    /// At [`Risk::Critical`].
    pub critical: Action,
}

impl RiskActions {
    /// The defaults for a requester. `reviewed`: somebody can approve.
    pub fn defaults(requester: Requester, reviewed: bool) -> Self {
        let ask = if reviewed { Action::Hold } else { Action::Deny };
        match requester {
            Requester::Human => Self {
                critical: Action::Hold,
                ..Self::default()
            },
            Requester::Agent | Requester::Ci => Self {
                high: ask,
                critical: ask,
                ..Self::default()
            },
        }
    }

    /// What is done at `risk`.
    pub fn action(&self, risk: Risk) -> Action {
        match risk {
            Risk::Low => self.low,
            Risk::Medium => self.medium,
            Risk::High => self.high,
            Risk::Critical => self.critical,
        }
    }
}

/// The highest risk of anything in the plan.
pub fn of(plan: &Plan) -> Risk {
    let commands = plan.commands.iter().map(of_command);
    let rest = [of_flags(plan), of_files(plan), of_pipelines(plan)];
    commands.chain(rest).max().unwrap_or_default()
}

/// The rows of the table that a command falls under.
pub fn rows(command: &SimpleCommand) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(|row| row.applies(command))
}

fn of_command(command: &SimpleCommand) -> Risk {
    rows(command).map(|row| row.risk).max().unwrap_or_default()
}

/// What cannot be seen may be anything.
fn of_flags(plan: &Plan) -> Risk {
    let has = |flag: &Flag| plan.flags.contains(flag);
    if has(&Flag::Unparsed) {
        Risk::High
    } else if has(&Flag::HiddenCommand) || has(&Flag::DynamicName) || has(&Flag::EnvironmentChanged)
    {
        Risk::Medium
    } else {
        Risk::Low
    }
}

fn of_files(plan: &Plan) -> Risk {
    let risk = |target: &Argument| {
        let path = target.known_prefix();
        if table::is_device(path) {
            Risk::Critical
        } else if table::is_system_file(path) {
            Risk::High
        } else {
            Risk::Low
        }
    };
    plan.redirections
        .iter()
        .filter(|redirection| redirection.writes())
        .map(|redirection| risk(&redirection.target))
        .max()
        .unwrap_or_default()
}

/// Something fetched or decoded, then run: `curl … | sh`.
fn of_pipelines(plan: &Plan) -> Risk {
    const SOURCES: [&str; 10] = [
        "curl", "wget", "fetch", "aria2c", "nc", "ncat", "socat", "base64", "base32", "xxd",
    ];
    const RUNNERS: [&str; 12] = [
        "sh", "bash", "dash", "zsh", "ksh", "ash", "python", "python3", "perl", "ruby", "node",
        "php",
    ];
    let is = |command: &SimpleCommand, names: &[&str]| {
        command
            .base_name()
            .is_some_and(|name| names.contains(&name))
    };
    let fetches = |command: &&SimpleCommand| is(command, &SOURCES);
    let runs = plan.commands.iter().enumerate().filter(|(_, command)| {
        is(command, &RUNNERS)
            || command
                .base_name()
                .is_some_and(|name| name == "eval" || name == "source" || name == ".")
    });
    for (index, runner) in runs {
        let piped = runner.pipeline.is_some()
            && plan
                .commands
                .iter()
                .take(index)
                .filter(fetches)
                .any(|source| source.pipeline == runner.pipeline);
        // `sh -c "$(curl …)"` and `bash <(curl …)`
        let substituted = runner.words.iter().any(Argument::is_dynamic)
            && plan
                .commands
                .iter()
                .skip(index + 1)
                .any(|source| fetches(&source) && within(runner, source));
        if piped || substituted {
            return Risk::Critical;
        }
    }
    Risk::Low
}

fn within(outer: &SimpleCommand, inner: &SimpleCommand) -> bool {
    outer.span.start <= inner.span.start && inner.span.end <= outer.span.end
}
