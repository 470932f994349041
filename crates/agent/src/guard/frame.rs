//! What the agent and the supervisor of an order say to each other: one JSON document
//! per line, over a socket that only the agent's own account can reach.
//!
//! Items are numbered. The supervisor keeps each until the agent has acknowledged it,
//! which it does once the control plane, or the disk, has it. An agent that comes
//! back after a restart gets all others again, with the same numbers.

use std::collections::BTreeMap;

use protocol::guard::{Level, Policy, Program, ProgramEnd};
use serde::{Deserialize, Serialize};

use crate::executor::Stop;

/// Longest line in bytes: an order's line and environment, or a batch of programs.
pub(crate) const MAX_LINE: usize = 16 * 1024 * 1024;

/// From the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum Down {
    /// The first line: what to run.
    Start {
        /// All of it.
        spec: Box<Spec>,
    },
    /// Items up to this number need not be kept any longer.
    Ack {
        /// The number.
        n: u64,
    },
    /// End the tree.
    Stop {
        /// Why.
        reason: Stop,
    },
    /// About a held program.
    Answer {
        /// Its number in the tree.
        seq: i64,
        /// It may run.
        allow: bool,
        /// Who says so.
        by: String,
    },
}

/// From the supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(crate) enum Up {
    /// The first line of every connection.
    Hello {
        /// The command.
        command: String,
        /// The process that holds its tree.
        pid: u32,
    },
    /// Something to report.
    Item {
        /// Its number, from 1.
        n: u64,
        /// What.
        item: Item,
    },
}

/// Something to report.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Item {
    /// The tree is about to start.
    Guarded {
        /// What may be claimed about it.
        level: Level,
        /// Parts of the floor in force.
        floor: Vec<String>,
    },
    /// Output.
    Output {
        /// From 0.
        seq: i64,
        /// Text.
        content: String,
    },
    /// Programs that started or ended.
    Programs {
        /// Started, held or denied.
        started: Vec<Program>,
        /// Ended after they were told.
        ended: Vec<ProgramEnd>,
        /// Allowed ones that are only counted.
        folded: u64,
    },
    /// The order is done. Only programs of what it left behind follow.
    Outcome(Outcome),
}

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The end of its first program.
    pub(crate) end: End,
    /// Why we ended it, if we did.
    pub(crate) stopped: Option<Stop>,
    /// How long it ran.
    pub(crate) elapsed_ms: u64,
}

/// How a first program ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub(crate) enum End {
    /// With this exit status.
    Exited {
        /// The status.
        status: i32,
    },
    /// By a signal.
    Killed {
        /// Its number.
        signal: i32,
    },
    /// It never started.
    NotStarted {
        /// The kernel's reason, if it was the kernel.
        errno: Option<i32>,
        /// The reason in words.
        message: String,
    },
}

/// What to run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// The command.
    pub(crate) command: String,
    /// What it may run.
    pub(crate) policy: Policy,
    /// The file to execute.
    pub(crate) program: String,
    /// Its arguments, beginning with its name.
    pub(crate) argv: Vec<String>,
    /// Its whole environment.
    pub(crate) env: BTreeMap<String, String>,
    /// Working directory.
    pub(crate) directory: String,
    /// Use `/` where that cannot be entered.
    pub(crate) or_root_directory: bool,
    /// User, group and all supplementary groups; the agent's own by default.
    pub(crate) account: Option<(u32, u32, Vec<u32>)>,
    /// Soft and hard limit on open files.
    pub(crate) open_files: Option<(u64, u64)>,
    /// Milliseconds until its authority ends.
    pub(crate) authority_ends_in_ms: Option<u64>,
    /// Milliseconds until it has run too long.
    pub(crate) deadline_in_ms: u64,
}

/// A document as a line.
///
/// # Errors
/// Never in practice: the types hold nothing JSON cannot express.
pub(crate) fn line(document: &impl Serialize) -> serde_json::Result<String> {
    let mut line = serde_json::to_string(document)?;
    line.push('\n');
    Ok(line)
}
